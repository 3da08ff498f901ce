import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

const MAX_BYTES = 64 * 1024;

/** The content of a secret file, or why it cannot be used. */
export type SecretFile =
  | { readonly ok: true; readonly secret: string; readonly isWorldReadable: boolean }
  | { readonly ok: false; readonly reason: string; readonly isAbsent?: boolean };

/** Reads a secret from a file: UTF-8 text, one trailing line end taken off. Does not throw. */
export const readSecretFile = (path: string): SecretFile => {
  let handle: number | undefined;
  try {
    // Non-blocking, so that a pipe cannot hold up the start.
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(handle);
    if (!stat.isFile()) return { ok: false, reason: "is not a regular file" };
    if (stat.size > MAX_BYTES) return { ok: false, reason: `is larger than ${MAX_BYTES} bytes` };
    const content = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(handle));
    const secret = content.replace(/\r?\n$/, "");
    if (secret === "") return { ok: false, reason: "is empty" };
    if (/[\0\r\n]/.test(secret)) return { ok: false, reason: "has more than one line" };
    return { ok: true, secret, isWorldReadable: (stat.mode & 0o004) !== 0 };
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    if (code === "ENOENT") return { ok: false, reason: "does not exist", isAbsent: true };
    if (code === "EACCES" || code === "EPERM")
      return { ok: false, reason: "may not be read by this user" };
    if (cause instanceof TypeError) return { ok: false, reason: "is not UTF-8 text" };
    return { ok: false, reason: `cannot be read (${code || "unknown error"})` };
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
};
