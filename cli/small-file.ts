import { readFileSync, statSync } from "node:fs";

/** The text of a file of at most `maxBytes`, or why it cannot be had, e.g. `no such file`. */
export const readSmallFile = (
  file: string,
  maxBytes: number,
): { readonly text: string } | { readonly problem: string } => {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return { problem: "something that is not a file" };
    if (stat.size > maxBytes) return { problem: `${stat.size} bytes, more than ${maxBytes}` };
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)) };
  } catch (cause) {
    if (cause instanceof TypeError) return { problem: "bytes that are not UTF-8" };
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    return {
      problem: code === "ENOENT" ? "no such file" : `a file that cannot be read (${code})`,
    };
  }
};
