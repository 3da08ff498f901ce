import { z } from "zod";
import type { SettingsPath } from "./problem.ts";
import type { Marks } from "./schema/marks.ts";

/** A schema without its wrappers (optional, default, …), and what the wrappers and marks said. */
export interface Unwrapped {
  readonly core: z.core.$ZodType;
  readonly marks: Marks;
  readonly description?: string;
  readonly isOptional: boolean;
  /** The default as it is written in settings; absent when there is none worth saying. */
  readonly defaultValue?: unknown;
}

/** Takes optional, default, prefault and transform off a schema. The outermost word counts. */
export const unwrap = (schema: z.core.$ZodType): Unwrapped => {
  let core = schema;
  let marks: Marks = {};
  let isOptional = false;
  let defaultValue: unknown;
  for (;;) {
    marks = { ...z.globalRegistry.get(core), ...marks };
    if (core instanceof z.ZodOptional) {
      isOptional = true;
      core = core.def.innerType;
    } else if (core instanceof z.ZodDefault || core instanceof z.ZodPrefault) {
      isOptional = true;
      if (core instanceof z.ZodDefault) defaultValue ??= core.def.defaultValue;
      core = core.def.innerType;
    } else if (core instanceof z.ZodPipe) {
      core = core.def.in;
    } else {
      break;
    }
  }
  const { description } = marks as { description?: string };
  return {
    core,
    marks,
    isOptional,
    ...(description !== undefined && { description }),
    ...(defaultValue !== undefined && { defaultValue }),
  };
};

/** The schema of what lies at `key` in an object, list or record; undefined for an unknown key. */
export const childOf = (
  schema: z.core.$ZodType,
  key: string | number,
): z.core.$ZodType | undefined => {
  const { core } = unwrap(schema);
  if (core instanceof z.ZodObject) {
    return Object.hasOwn(core.shape, key) ? core.shape[key] : undefined;
  }
  if (core instanceof z.ZodArray) return core.element;
  if (core instanceof z.ZodRecord) return core.valueType;
  return undefined;
};

/** The schema at the end of `path`; undefined when there is none. */
export const schemaAt = (
  schema: z.core.$ZodType,
  path: SettingsPath,
): z.core.$ZodType | undefined => {
  let at: z.core.$ZodType | undefined = schema;
  for (const key of path) at = at && childOf(at, key);
  return at;
};

/** The keys of the object at the end of `path`; none where no object is. */
export const keysAt = (schema: z.core.$ZodType, path: SettingsPath): readonly string[] => {
  const found = schemaAt(schema, path);
  const core = found && unwrap(found).core;
  return core instanceof z.ZodObject ? Object.keys(core.shape) : [];
};

/** What stands at the end of `path` in plain data; undefined where nothing does. */
export const valueAt = (root: unknown, path: SettingsPath): unknown => {
  let at = root;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Readonly<Record<string | number, unknown>>)[key];
  }
  return at;
};

type MapLeaf = (leaf: unknown, schema: z.core.$ZodType | undefined, path: SettingsPath) => unknown;

/** A copy of `value` in which every value that is no object or list is what `map` makes of it. */
export const mapLeaves = (
  value: unknown,
  schema: z.core.$ZodType | undefined,
  map: MapLeaf,
  path: SettingsPath = [],
): unknown => {
  const descend = (child: unknown, key: string | number) =>
    mapLeaves(child, schema && childOf(schema, key), map, [...path, key]);
  if (Array.isArray(value)) return value.map(descend);
  if (typeof value !== "object" || value === null) return map(value, schema, path);
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, descend(child, key)]),
  );
};
