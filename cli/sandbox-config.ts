import { dirname, resolve } from "node:path";
import { parseJsonc } from "../config/jsonc.ts";
import { formatPath, type Problem, SettingsError } from "../config/problem.ts";
import { openshellSchema } from "../config/schema/openshell.ts";
import type { Settings } from "../config/schema.ts";
import { mapLeaves, unwrap } from "../config/schema-walk.ts";
import { validate } from "../config/validate.ts";
import { readSmallFile } from "./small-file.ts";

const MAX_BYTES = 1 << 20;

/**
 * Reads a file that holds the `openshell` object alone, checked as in settings.json: unknown keys are
 * errors, what is left out has its default. Throws SettingsError with everything that is wrong.
 */
export const readSandboxConfig = (file: string): Settings["openshell"] => {
  const read = readSmallFile(file, MAX_BYTES);
  if ("problem" in read) {
    throw new SettingsError(file, [
      {
        path: "config",
        found: read.problem,
        expected: "a readable file with the openshell object",
      },
    ]);
  }
  const document = parseJsonc(read.text);
  if (document.value === undefined) throw new SettingsError(file, document.problems);
  const problems: Problem[] = [...document.problems];
  const { settings } = validate(
    { value: { openshell: document.value }, variablesOf: new Map(), unresolved: new Set() },
    {
      problem: ([, ...path], found, expected) => {
        const line = document.lineOf(path);
        problems.push({ path: formatPath(path), found, expected, line });
      },
      warn: () => {},
    },
  );
  if (settings === undefined || problems.length > 0) throw new SettingsError(file, problems);
  // A relative path starts where its file lies, as in settings.json.
  return mapLeaves(settings.openshell, openshellSchema, (leaf, schema) =>
    typeof leaf === "string" && schema && unwrap(schema).marks.isPath
      ? resolve(dirname(file), leaf)
      : leaf,
  ) as Settings["openshell"];
};
