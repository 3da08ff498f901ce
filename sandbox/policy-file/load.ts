import { readFileSync, statSync } from "node:fs";
import type { PolicyDocument } from "./document.ts";
import { PolicyFileError } from "./errors.ts";
import { type Interpretation, interpret } from "./interpret.ts";
import { readPolicy } from "./read.ts";
import { MAX_POLICY_BYTES } from "./yaml.ts";

/** A policy and what it means for this sandbox. */
export interface LoadedPolicy extends Interpretation {
  readonly document: PolicyDocument;
}

/**
 * Loads the OpenShell policy that `openshell.policy_file` names. `open` is the most that any run may
 * connect to and `rules` goes to the egress proxy; both narrow the settings and grant nothing.
 * Throws PolicyFileError when there is no such file, or it is no policy.
 */
export const loadPolicyFile = (path: string): LoadedPolicy => {
  const document = readPolicy(readText(path), path);
  return { document, ...interpret(document) };
};

const readText = (path: string): string => {
  const refuse = (found: string, expected: string) =>
    new PolicyFileError(path, [{ path: "policy", found, expected }]);
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw refuse("something that is not a file", "a policy file");
    if (stat.size > MAX_POLICY_BYTES) {
      throw refuse(`${stat.size} bytes`, `at most ${MAX_POLICY_BYTES} bytes`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof PolicyFileError) throw cause;
    if (cause instanceof TypeError) throw refuse("bytes that are not UTF-8", "UTF-8 text");
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    const found = code === "ENOENT" ? "no such file" : `a file that cannot be read (${code})`;
    throw refuse(found, "a readable OpenShell policy (YAML)");
  }
};
