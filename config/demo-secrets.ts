import { randomBytes, randomInt } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SettingsError } from "./problem.ts";

const secretsSchema = z.strictObject({
  token: z.string().regex(/^[A-Za-z0-9]{32}$/),
  encoding_aes_key: z.string().regex(/^[A-Za-z0-9]{43}$/),
  app_secret: z.string().regex(/^[A-Za-z0-9]{43}$/),
});

/** What the demo's WeCom app and `simulate` share. */
export type DemoSecrets = z.output<typeof secretsSchema>;

/**
 * The demo's random secrets, from `demo.json` in the data folder; made there at the first start,
 * 0600, when `mayCreate`. Processes that start at once agree. Throws SettingsError.
 */
export const demoSecrets = (
  dataFolder: string,
  mayCreate: boolean,
  make: () => DemoSecrets = makeSecrets,
): { readonly secrets: DemoSecrets; readonly warnings: readonly string[] } => {
  const file = join(dataFolder, "demo.json");
  const existing = read(file);
  if (existing) return { secrets: existing, warnings: [] };
  const made = make();
  if (!mayCreate) {
    return {
      secrets: made,
      warnings: ["settings: the demo's secrets are made at the first start"],
    };
  }
  // Written beside and then linked: whoever is second fails, and nobody sees half a file.
  const draft = join(dataFolder, `.demo-${process.pid}-${randomBytes(6).toString("hex")}.json`);
  try {
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    writeFileSync(draft, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600, flag: "wx" });
    linkSync(draft, file);
    return { secrets: made, warnings: [] };
  } catch (cause) {
    const theirs = read(file);
    if (theirs) return { secrets: theirs, warnings: [] };
    throw refuse(file, `a folder that cannot be written (${codeOf(cause)})`, "a writable folder");
  } finally {
    rmSync(draft, { force: true });
  }
};

const read = (file: string): DemoSecrets | undefined => {
  try {
    return secretsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    if (codeOf(cause) !== NO_CODE) {
      throw refuse(file, `a file that cannot be read (${codeOf(cause)})`, "a readable file");
    }
    throw refuse(
      file,
      "a file that is not what was written there",
      "the demo's secrets; delete the file to have new ones made",
    );
  }
};

const refuse = (file: string, found: string, expected: string) =>
  new SettingsError(file, [{ path: "settings", found, expected }]);

const NO_CODE = "unknown error";

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : NO_CODE;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const letters = (length: number): string =>
  Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");

const makeSecrets = (): DemoSecrets => ({
  token: letters(32),
  encoding_aes_key: letters(43),
  app_secret: letters(43),
});
