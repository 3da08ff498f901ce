import type { Credential } from "../driver.ts";
import { foldHost } from "./host-name.ts";

/** What stands for a secret inside: not secret itself, and of use only on the way to its host. */
export const placeholderOf = (name: string): string => `openshell:resolve:env:${name}`;

/** The variables that a job finds in place of its credentials. */
export const placeholderVariables = (
  credentials: readonly Credential[],
): Readonly<Record<string, string>> =>
  Object.fromEntries(credentials.map(({ name }) => [name, placeholderOf(name)]));

/** Those that are for a host, which is given as it was folded. */
export const credentialsFor = (
  host: string,
  credentials: readonly Credential[],
): readonly Credential[] =>
  credentials.filter((credential) => {
    const wanted = foldHost(credential.host);
    return wanted.kind === "name" && wanted.name === host;
  });

/** The head of a request as it goes out. */
interface Head {
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Secrets in place of placeholders, and what to hide should the answer repeat them. */
export interface Placement extends Head {
  readonly placed: readonly Credential[];
}

const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Puts secrets where header values and query parameters have their placeholders, `Basic` ones too.
 * Placeholders of other credentials stay as they are. Undefined when a secret cannot be sent in a header.
 */
export const placeCredentials = (
  head: Head,
  credentials: readonly Credential[],
): Placement | undefined => {
  const placed = new Set<Credential>();
  const place = (text: string): string => {
    let result = text;
    for (const credential of credentials) {
      result = result.replace(patternOf(credential.name), () => {
        placed.add(credential);
        return credential.secret;
      });
    }
    return result;
  };
  const headers = head.headers.map(
    ([name, value]) => [name, placeInBasic(value, place) ?? place(value)] as const,
  );
  if (headers.some(([, value]) => UNSENDABLE.test(value))) return undefined;
  return { target: placeInQuery(head.target, place), headers, placed: [...placed] };
};

/** A name may begin with another one's. */
const patternOf = (name: string): RegExp =>
  new RegExp(`${placeholderOf(name)}(?![A-Za-z0-9_])`, "g");

const placeInBasic = (value: string, place: (text: string) => string): string | undefined => {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(value)?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, "base64").toString("latin1");
  const result = place(pair);
  return result === pair ? value : `Basic ${Buffer.from(result, "latin1").toString("base64")}`;
};

const placeInQuery = (target: string, place: (text: string) => string): string => {
  const start = target.indexOf("?");
  if (start === -1) return target;
  const parameters = target.slice(start + 1).split("&");
  return `${target.slice(0, start)}?${parameters.map((one) => placeInParameter(one, place)).join("&")}`;
};

const placeInParameter = (parameter: string, place: (text: string) => string): string => {
  const [name = "", ...rest] = parameter.split("=");
  try {
    const value = decodeURIComponent(rest.join("="));
    const result = place(value);
    return result === value ? parameter : `${name}=${encodeURIComponent(result)}`;
  } catch {
    return parameter; // not UTF-8, so no placeholder of ours
  }
};

/** Puts placeholders back where a text repeats secrets. */
export const hideSecrets = (text: string, placed: readonly Credential[]): string =>
  placed.reduce(
    (result, { name, secret }) =>
      secret === "" ? result : result.replaceAll(secret, placeholderOf(name)),
    text,
  );

/** The same for a body on its way; holds back only what may be the beginning of a secret. */
export const hideSecretsIn = (placed: readonly Credential[]) =>
  async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    // Latin-1 keeps every byte, so what is not text passes unharmed.
    const known = placed
      .filter(({ secret }) => secret !== "")
      .map((one) => ({ ...one, secret: Buffer.from(one.secret).toString("latin1") }));
    let held = "";
    for await (const chunk of source) {
      const text = hideSecrets(held + chunk.toString("latin1"), known);
      const keep = Math.max(0, ...known.map(({ secret }) => beginningAtEnd(text, secret)));
      held = text.slice(text.length - keep);
      if (keep < text.length) yield Buffer.from(text.slice(0, text.length - keep), "latin1");
    }
    if (held !== "") yield Buffer.from(held, "latin1");
  };

/** How much of the text's end is how the secret begins. */
const beginningAtEnd = (text: string, secret: string): number => {
  for (let size = Math.min(secret.length - 1, text.length); size > 0; size--) {
    if (text.endsWith(secret.slice(0, size))) return size;
  }
  return 0;
};
