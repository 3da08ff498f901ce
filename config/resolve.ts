import { resolve as resolvePath } from "node:path";
import { z } from "zod";
import { type Environment, interpolate } from "./interpolate.ts";
import { formatPath, type SettingsPath } from "./problem.ts";
import type { Report } from "./report.ts";
import type { Marks } from "./schema/marks.ts";
import { mapLeaves, unwrap } from "./schema-walk.ts";
import { readSecretFile } from "./secret-file.ts";

/** Settings with the placeholders filled in and the secret files read; not yet validated. */
export interface Resolved {
  readonly value: unknown;
  /** The variables that a value came from, by formatted path. */
  readonly variablesOf: ReadonlyMap<string, readonly string[]>;
  /** Formatted paths of values that could not be had: there is nothing to validate there. */
  readonly unresolved: ReadonlySet<string>;
}

export interface ResolveOptions {
  readonly schema: z.core.$ZodType;
  readonly env: Environment;
  /** Where a relative `file:` starts. */
  readonly baseDir: string;
  readonly report: Report;
}

/** Fills in `${NAME}` everywhere and reads `file:` for secrets. */
export const resolveValues = (raw: unknown, options: ResolveOptions): Resolved => {
  const variablesOf = new Map<string, readonly string[]>();
  const unresolved = new Set<string>();

  const value = mapLeaves(raw, options.schema, (leaf, schema, path) => {
    // An unknown key is reported as such; what stands there does not matter.
    if (typeof leaf !== "string" || !schema) return leaf;
    const at = formatPath(path);
    const { text, variables, missing, isWhole, isMalformed } = interpolate(leaf, options.env);
    if (variables.length > 0) variablesOf.set(at, variables);
    if (isMalformed || missing.length > 0) {
      unresolved.add(at);
      if (isMalformed) {
        options.report.problem(
          path,
          "a malformed placeholder",
          `\${NAME} or \${NAME:-default}; $\${ stands for \${`,
        );
      }
      for (const name of new Set(missing)) {
        options.report.problem(
          path,
          `\${${name}}, a variable that is not set`,
          `the environment variable ${name}, or a default: \${${name}:-…}`,
        );
      }
      return leaf;
    }
    const { core, marks } = unwrap(schema);
    if (marks.secret && text.startsWith("file:")) {
      const secret = readSecret(text.slice("file:".length), path, variables, marks, options);
      if (secret === "unusable") unresolved.add(at);
      return secret === "unusable" ? leaf : secret.text;
    }
    return isWhole ? convert(text, core) : text;
  });

  return { value, variablesOf, unresolved };
};

const readSecret = (
  written: string,
  path: SettingsPath,
  variables: readonly string[],
  marks: Marks,
  { baseDir, report }: ResolveOptions,
): { readonly text: string | undefined } | "unusable" => {
  const file = resolvePath(baseDir, written);
  // What a variable holds is never printed: it may be a secret that only looks like a path.
  const shown =
    variables.length > 0 ? `the file that \${${variables.join("}, ${")}} names` : `file ${file}`;
  const result = readSecretFile(file);
  if (!result.ok && result.isAbsent && marks.mayLackFile) {
    report.warn(path, `${shown} ${result.reason}: there is no key until it does`);
    return { text: undefined };
  }
  if (!result.ok) {
    report.problem(
      path,
      `${shown}, which ${result.reason}`,
      "a readable file that holds the secret",
    );
    return "unusable";
  }
  if (result.isWorldReadable) {
    report.warn(path, `${shown} may be read by every user of this machine; chmod 600 it`);
  }
  return { text: result.secret };
};

// What does not convert stays text, and validation says so.
const convert = (text: string, core: z.core.$ZodType): unknown => {
  if (core instanceof z.ZodNumber) {
    return /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
  }
  if (core instanceof z.ZodBoolean && (text === "true" || text === "false")) return text === "true";
  return text;
};
