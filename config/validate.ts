import type { z } from "zod";
import type { Draft } from "./draft.ts";
import { formatPath, type SettingsPath } from "./problem.ts";
import type { Report } from "./report.ts";
import type { Resolved } from "./resolve.ts";
import { type Settings, settingsSchema } from "./schema.ts";
import { typeText } from "./schema-text.ts";
import { keysAt, schemaAt, unwrap, valueAt } from "./schema-walk.ts";
import { suggest } from "./suggest.ts";

/** Checked settings: `settings` only when nothing is wrong, `draft` in any case. */
export interface Validated {
  readonly settings?: Settings;
  readonly draft: Draft;
}

/** Checks every value against the schema and reports all that is wrong. */
export const validate = (resolved: Resolved, report: Report): Validated => {
  const result = settingsSchema.safeParse(resolved.value);
  if (result.success) return { settings: result.data, draft: result.data };
  for (const issue of result.error.issues) reportIssue(issue, resolved, report);
  return { draft: withoutIssues(resolved.value, result.error.issues) };
};

const reportIssue = (issue: z.core.$ZodIssue, resolved: Resolved, report: Report): void => {
  const path = toPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(settingsSchema, path);
    for (const name of issue.keys) {
      const meant = suggest(name, known);
      const expected =
        meant === undefined ? `one of ${known.join(", ")}` : `${meant} (did you mean it?)`;
      report.problem([...path, name], "an unknown key", expected);
    }
    return;
  }
  if (issue.code === "invalid_key") {
    report.problem(path, "a name of another form", issue.issues[0]?.message ?? "another name");
    return;
  }
  if (resolved.unresolved.has(formatPath(path))) return;
  const schema = schemaAt(settingsSchema, path);
  const isOurs = issue.code === "custom";
  const expected = isOurs || !schema ? issue.message : typeText(schema);
  report.problem(path, describe(valueAt(resolved.value, path), path, resolved), expected);
};

/** What stands at `path`, without giving away a secret or what a variable holds. */
const describe = (value: unknown, path: SettingsPath, resolved: Resolved): string => {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const variables = resolved.variablesOf.get(formatPath(path)) ?? [];
  const schema = schemaAt(settingsSchema, path);
  const marks = schema && unwrap(schema).marks;
  if (variables.length > 0 || !marks || marks.secret || marks.mayHoldPassword) {
    const from = variables.length > 0 ? ` from \${${variables.join("}, ${")}}` : "";
    const what =
      typeof value === "string" ? `text of ${value.length} characters` : `a ${typeof value}`;
    return what + from;
  }
  const shown = JSON.stringify(value);
  return shown.length > 80 ? `${shown.slice(0, 60)}… (${shown.length - 2} characters)` : shown;
};

const toPath = (path: readonly PropertyKey[]): SettingsPath =>
  path.map((part) => (typeof part === "symbol" ? String(part) : part));

// What is left has no issue of its own, so it has its type; that is what makes the cast true.
const withoutIssues = (root: unknown, issues: readonly z.core.$ZodIssue[]): Draft => {
  const wrong = new Set<string>();
  for (const issue of issues) {
    const path = toPath(issue.path);
    if (issue.code !== "unrecognized_keys") wrong.add(formatPath(path));
    else for (const name of issue.keys) wrong.add(formatPath([...path, name]));
  }
  const keep = (value: unknown, path: SettingsPath): unknown => {
    if (wrong.has(formatPath(path))) return undefined;
    if (Array.isArray(value)) return value.map((item, index) => keep(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([name, item]) => [
      name,
      keep(item, [...path, name]),
    ]);
    return Object.fromEntries(entries);
  };
  return (keep(root, []) ?? {}) as Draft;
};
