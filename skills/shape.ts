import { z } from "zod";

/** Says what is wrong with a value, e.g. `text: expected string`, or undefined when it fits. */
export type Validator = (value: unknown) => string | undefined;

/** The JSON schema that a skill without one of its own has for its input and for its output. */
export const DEFAULT_SHAPE: Readonly<Record<string, unknown>> = {
  type: "object",
  properties: { text: { type: "string" } },
  required: ["text"],
};

/**
 * A validator for the JSON schema of a skill's input or output; absent = `{"text": string}`.
 * Only what is really checked is accepted: the keywords below and the annotations. Anything else,
 * `$ref`, `format` and `pattern` included (a pattern of a stranger can hang the process), throws
 * a TypeError that names the place. Lengths count UTF-16 units. Problem texts name places and
 * types, never the value.
 * @see https://json-schema.org/draft/2020-12/json-schema-validation
 */
export const createValidator = (
  schema: Readonly<Record<string, unknown>> = DEFAULT_SHAPE,
): Validator => {
  if (schema.type !== "object") {
    throw new TypeError(`#: expected "type": "object", found ${shown(schema.type)}`);
  }
  const checked = z.fromJSONSchema(checkable(schema, "#", 0), { registry: z.registry() });
  return (value) => {
    const result = checked.safeParse(value);
    if (result.success) return undefined;
    return result.error.issues
      .slice(0, 5)
      .map((issue) => `${issue.path.map(String).join(".") || "value"}: ${described(issue)}`)
      .join("; ");
  };
};

type JsonSchema = { [keyword: string]: unknown };

const ANNOTATIONS = new Set(["$schema", "$comment", "title", "description", "default", "examples"]);
const BOUNDS: Readonly<Record<string, readonly string[]>> = {
  object: ["minProperties", "maxProperties"],
  array: ["minItems", "maxItems"],
  string: ["minLength", "maxLength"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  boolean: [],
  null: [],
};
const MAX_DEPTH = 16;

/** The schema without annotations, once every keyword in it is known to be enforced. */
const checkable = (schema: unknown, at: string, depth: number): JsonSchema => {
  if (!isRecord(schema)) throw new TypeError(`${at}: expected a schema object`);
  if (depth > MAX_DEPTH) throw new TypeError(`${at}: nested deeper than ${MAX_DEPTH} levels`);
  const checks = Object.entries(schema).filter(([keyword]) => !ANNOTATIONS.has(keyword));
  const copy: JsonSchema = {};
  for (const [keyword, value] of checks)
    copy[keyword] = enforced(schema, keyword, value, at, depth);
  const kind = ["type", "enum", "const", "anyOf"].filter((keyword) => keyword in copy);
  // Beside an enum, a const or a union, the converter would drop what `type` demands.
  if (kind.length > 1 && !(kind.length === 2 && kind[0] === "type" && "enum" in copy)) {
    throw new TypeError(
      `${at}: expected one of type, enum, const, anyOf; found ${kind.join(", ")}`,
    );
  }
  if (kind.length === 0 && checks.length > 0) throw new TypeError(`${at}: expected a "type"`);
  if ("enum" in copy && schema.type === "string") requireStrings(copy.enum, `${at}/enum`);
  return copy;
};

const enforced = (
  schema: JsonSchema,
  keyword: string,
  value: unknown,
  at: string,
  depth: number,
): unknown => {
  const type = typeof schema.type === "string" ? schema.type : "";
  const path = `${at}/${keyword}`;
  if (keyword === "type") {
    if (type in BOUNDS) return value;
    throw new TypeError(`${path}: expected one of ${Object.keys(BOUNDS).join(", ")}`);
  }
  if (keyword === "const" && isScalar(value)) return value;
  if (keyword === "enum" && Array.isArray(value) && value.length > 0 && value.every(isScalar)) {
    if (type === "" || type === "string") return value;
  }
  if (keyword === "anyOf" && Array.isArray(value) && value.length > 0) {
    return value.map((option, index) => checkable(option, `${path}/${index}`, depth + 1));
  }
  if (BOUNDS[type]?.includes(keyword) && typeof value === "number") return value;
  if (type === "array" && keyword === "items") return checkable(value, path, depth + 1);
  if (type === "array" && keyword === "uniqueItems" && typeof value === "boolean") return value;
  if (type === "object" && keyword === "additionalProperties") {
    return typeof value === "boolean" ? value : checkable(value, path, depth + 1);
  }
  if (type === "object" && keyword === "properties" && isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, property]) => {
        if (name === "__proto__") throw new TypeError(`${path}: this property name is reserved`);
        return [name, checkable(property, `${path}/${name}`, depth + 1)];
      }),
    );
  }
  if (type === "object" && keyword === "required") {
    const declared = isRecord(schema.properties) ? schema.properties : {};
    for (const name of requireStrings(value, path)) {
      if (!Object.hasOwn(declared, name)) {
        throw new TypeError(`${path}: ${shown(name)} is not among the properties`);
      }
    }
    return value;
  }
  throw new TypeError(`${path}: this keyword, or its value, cannot be checked by this version`);
};

const requireStrings = (value: unknown, at: string): readonly string[] => {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw new TypeError(`${at}: expected a list of strings`);
};

const isRecord = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isScalar = (value: unknown): boolean =>
  value === null || ["string", "number", "boolean"].includes(typeof value);

const shown = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));

/** Zod's own message repeats received values in some cases; these words never do. */
const described = (issue: z.core.$ZodIssue): string => {
  if (issue.code === "invalid_type") return `expected ${issue.expected}`;
  if (issue.code === "too_small") return `expected at least ${issue.minimum}`;
  if (issue.code === "too_big") return `expected at most ${issue.maximum}`;
  if (issue.code === "unrecognized_keys") return "a property that the schema does not know";
  if (issue.code === "invalid_value") return "not one of the values allowed";
  return "does not fit the schema";
};
