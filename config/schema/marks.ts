import { z } from "zod";

/** What the schema says of a key beyond its shape; read by the loader, `config show` and the reference. */
export interface Marks {
  /** Never printed; may be given as `file:/path`. */
  readonly secret?: boolean;
  /** A secret whose file may be absent: what needs it is then off, with a warning. */
  readonly mayLackFile?: boolean;
  /** A path of this machine; a relative one starts at the folder of the settings file. */
  readonly isPath?: boolean;
  /** A URL that may carry a password: printed without it. */
  readonly mayHoldPassword?: boolean;
  /** Says which values this version already honours; absent = all of them. */
  readonly isEnforced?: (value: unknown) => boolean;
  /** The words for this type in messages and in the reference, e.g. `URL`. */
  readonly label?: string;
}

/** Marks a key whose value is confidential. */
export const secret = <T extends z.ZodType>(schema: T): T => schema.meta({ secret: true });

/** Marks a key that names a file or a folder of this machine. */
export const localPath = <T extends z.ZodType>(schema: T): T => schema.meta({ isPath: true });

/**
 * Marks a key that is known and checked but has no effect yet, or has one for some values only
 * (those for which `isEnforced` says true).
 */
export const later = <T extends z.ZodType>(
  schema: T,
  isEnforced: (value: unknown) => boolean = () => false,
): T => schema.meta({ isEnforced });

/** Text that passes `test`; `label` says what was expected, `error` in messages only. */
export const textLike = (label: string, test: (text: string) => boolean, error = label) =>
  z.string().refine(test, { error }).meta({ label });

/** What to add to the label of a URL with a password. */
export const ESCAPE_PASSWORD =
  "; in its user and password, write other characters than letters and digits as %XX";

/**
 * Whether `value` is an absolute URL whose password ends where its writer meant it to. In
 * `postgres://u:7/x@host/db` the host is `u`, and the rest of the password a path, which is no secret.
 */
export const isUrlWithPassword = (value: string): boolean => {
  if (!URL.canParse(value)) return false;
  const { pathname, search, hash } = new URL(value);
  return !`${pathname}${search}${hash}`.includes("@");
};

/** Text that is not empty. */
export const text = () => textLike("text that is not empty", (value) => value.trim() !== "");

/** Whether nothing that cannot be seen stands at the ends of a text that is compared to the letter. */
export const isExact = (value: string): boolean =>
  value !== "" && !/^[\s\p{C}]|[\s\p{C}]$/u.test(value);

/** An id or a name that somebody else gave: one space too many, and it would never be met. */
export const exactText = () =>
  textLike("text that is not empty, with nothing invisible at its ends", isExact);

/** An absolute URL with one of the given schemes, without a user name or password unless allowed. */
export const url = (schemes: readonly string[], options: { password?: boolean } = {}) => {
  const label = `URL with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`;
  const test = (value: string): boolean => {
    if (!(options.password ? isUrlWithPassword(value) : URL.canParse(value))) return false;
    const { protocol, username, password } = new URL(value);
    const isPlain = username === "" && password === "";
    return schemes.includes(protocol.slice(0, -1)) && (isPlain || options.password === true);
  };
  const schema = textLike(label, test, options.password ? label + ESCAPE_PASSWORD : label);
  return options.password ? schema.meta({ mayHoldPassword: true }) : schema;
};
