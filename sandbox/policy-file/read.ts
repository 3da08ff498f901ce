import type { z } from "zod";
import { formatPath, type Problem, type SettingsPath } from "../../config/problem.ts";
import { keysAt, valueAt } from "../../config/schema-walk.ts";
import { suggest } from "../../config/suggest.ts";
import { type PolicyDocument, policySchema } from "./document.ts";
import { PolicyFileError } from "./errors.ts";
import { checkSemantics } from "./semantics.ts";
import { readYaml } from "./yaml.ts";

/**
 * Reads an OpenShell policy. Throws PolicyFileError with everything that is wrong: with the YAML,
 * with the fields, else with what they mean together.
 */
export const readPolicy = (text: string, source: string): PolicyDocument => {
  const { value, problems: written, lineOf } = readYaml(text);
  if (written.length > 0) throw new PolicyFileError(source, written);
  const problems = new Map<string, Problem>();
  const refuse = (path: SettingsPath, found: string, expected: string): void => {
    const at = path.length === 0 ? "policy" : formatPath(path);
    // The first word on a place is the cause; what follows from it only adds noise.
    if (!problems.has(at)) problems.set(at, { path: at, found, expected, line: lineOf(path) });
  };
  const parsed = policySchema.safeParse(withoutEmptySections(value));
  if (parsed.success) checkSemantics(parsed.data, refuse);
  else for (const issue of parsed.error.issues) reportIssue(issue, value, refuse);
  if (problems.size > 0 || !parsed.success) {
    const byLine = [...problems.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    throw new PolicyFileError(source, byLine);
  }
  return parsed.data;
};

/** `process:` with nothing behind it is a section that is not there. */
const withoutEmptySections = (value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).filter(([, section]) => section !== undefined))
    : value;

const reportIssue = (
  issue: z.core.$ZodIssue,
  root: unknown,
  refuse: (path: SettingsPath, found: string, expected: string) => void,
): void => {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(policySchema, path);
    for (const name of issue.keys) {
      const meant = suggest(name, known);
      const all = known.join(", ");
      const expected =
        meant === undefined ? `one of ${all}` : `${meant} (did you mean it?) or ${all}`;
      refuse([...path, name], "an unknown key", withHint(path, name, expected));
    }
    return;
  }
  const found = describe(valueAt(root, path));
  const [inner] = issue.code === "invalid_key" ? issue.issues : [];
  if (path.length === 0) refuse(path, found, "a policy: version: 1 …");
  else refuse(path, inner ? "a name of another form" : found, inner?.message ?? issue.message);
};

/** Files that look like policies and are none. */
const withHint = (path: SettingsPath, name: string, expected: string): string => {
  if (path.length > 0 || name !== "preset") return expected;
  return `${expected}; this is a NemoClaw preset: put its network_policies into a policy`;
};

const describe = (value: unknown): string => {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "keys and values";
  const shown = JSON.stringify(value);
  return shown.length > 80 ? `${shown.slice(0, 60)}… (${shown.length - 2} characters)` : shown;
};
