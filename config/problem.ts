/** Where in the settings: keys and array indexes from the root. */
export type SettingsPath = readonly (string | number)[];

/** One thing that is wrong with the settings; never holds a secret's value. */
export interface Problem {
  /** As printed by `formatPath`; `settings` for the document as a whole. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  /** From 1; absent when the settings did not come from a text. */
  readonly line?: number;
}

const SHOWN = 50;

/** The settings cannot be used. `problems` holds everything that is wrong, not only the first. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly code = "SETTINGS_INVALID";
  constructor(
    /** The file, or `built-in demo`. */
    readonly source: string,
    readonly problems: readonly Problem[],
  ) {
    super(formatProblems(`settings not usable: ${source}`, problems));
  }
}

/** A heading, and the first problems below it, one a line. */
export const formatProblems = (heading: string, problems: readonly Problem[]): string => {
  const lines = problems.slice(0, SHOWN).map(formatProblem);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`and ${more} more`);
  return [heading, ...lines.map((line) => `  ${line}`)].join("\n");
};

/** `line 3: server.port: found "x", expected integer`. */
export const formatProblem = ({ path, found, expected, line }: Problem): string =>
  `${line === undefined ? "" : `line ${line}: `}${path}: found ${found}, expected ${expected}`;

/** `channels.wechat_work.apps[0].token`; a key that is no plain word is quoted: `hosts["a.b"]`. */
export const formatPath = (path: SettingsPath): string => {
  let out = "";
  for (const part of path) {
    if (typeof part === "number") out += `[${part}]`;
    else if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part))
      out += `[${JSON.stringify(part.slice(0, 80))}]`;
    else out += out === "" ? part : `.${part}`;
  }
  return out === "" ? "settings" : out;
};
