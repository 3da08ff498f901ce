import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { auditFilesOf } from "../config/key-file.ts";
import { loadSettings } from "../config/load.ts";
import { readSigningKey, type VerifyingKey, verifyingKey } from "../core/audit/signing-key.ts";
import { isCertified } from "../core/data-rights/certificate.ts";
import { StartError } from "./errors.ts";
import type { Io } from "./io.ts";
import { sayNo } from "./say-no.ts";

export interface CertificateOptions {
  readonly settings?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Checks a certificate of erasure. 0 ours and unchanged, 1 not. */
export const verifyCertificate = (io: Io, file: string, options: CertificateOptions): number => {
  const certificate = parsed(read(io, "the certificate", file));
  const isOurs = isCertified(certificate, [keyFor(io, options)]);
  if (isOurs) {
    io.stdout.write(options.json ? '{"ok":true}\n' : "the certificate is ours and unchanged\n");
    return 0;
  }
  const problem = "the key did not sign this text";
  if (options.json) return sayNo(io, options, "NOT_CERTIFIED", problem);
  io.stdout.write(`BAD: ${problem}\n`);
  return 1;
};

const keyFor = (io: Io, { settings: path, publicKey }: CertificateOptions): VerifyingKey => {
  if (publicKey !== undefined) return verifyingKey(read(io, "--public-key", publicKey), publicKey);
  const { settings, keyFile } = loadSettings({ path, env: io.env, cwd: io.cwd });
  const own = auditFilesOf(settings, keyFile).keyFile;
  const key = readSigningKey(own);
  if (!key) throw new StartError(`memory verify: there is no key ${own}: give --public-key FILE`);
  return verifyingKey(key.publicPem, own);
};

const read = (io: Io, what: string, path: string): string => {
  try {
    return readFileSync(resolve(io.cwd, path), "utf8");
  } catch (cause) {
    throw new StartError(`memory verify: ${what}: cannot read ${path}`, { cause });
  }
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
