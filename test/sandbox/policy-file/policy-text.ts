import type { PolicyDocument } from "../../../sandbox/policy-file/document.ts";
import { PolicyFileError } from "../../../sandbox/policy-file/errors.ts";
import { type Interpretation, interpret } from "../../../sandbox/policy-file/interpret.ts";
import { readPolicy } from "../../../sandbox/policy-file/read.ts";

/** What is wrong with a policy, as it is printed: `line 3: path: found …, expected …`. */
export const problemsOf = (text: string): readonly string[] => {
  try {
    readPolicy(text, "policy.yaml");
    return [];
  } catch (error) {
    if (!(error instanceof PolicyFileError)) throw error;
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
};

/** A policy of one rule with these endpoints, which `/usr/bin/curl` may use. */
export const withEndpoints = (...endpoints: readonly string[]): string =>
  [
    "version: 1",
    "network_policies:",
    "  r:",
    "    endpoints:",
    ...endpoints.map((endpoint) => `      - ${endpoint}`),
    "    binaries: [{ path: /usr/bin/curl }]",
  ].join("\n");

export const interpretText = (text: string): Interpretation => interpret(readText(text));

export const readText = (text: string): PolicyDocument => readPolicy(text, "policy.yaml");
