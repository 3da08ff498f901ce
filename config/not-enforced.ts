import type { z } from "zod";
import { formatPath, type SettingsPath } from "./problem.ts";
import { settingsSchema } from "./schema.ts";
import { childOf, unwrap } from "./schema-walk.ts";

/** Paths of what is written in the settings but has no effect in this version, in their order. */
export const notEnforced = (written: unknown): readonly string[] => {
  const paths: string[] = [];
  const visit = (value: unknown, schema: z.core.$ZodType, path: SettingsPath): void => {
    const { isEnforced } = unwrap(schema).marks;
    if (isEnforced && !isEnforced(value)) {
      paths.push(formatPath(path));
      return;
    }
    if (typeof value !== "object" || value === null) return;
    const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
    for (const key of keys) {
      const child = childOf(schema, key);
      if (child)
        visit((value as Readonly<Record<string | number, unknown>>)[key], child, [...path, key]);
    }
  };
  visit(written, settingsSchema, []);
  return paths;
};
