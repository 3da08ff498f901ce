/** A JSON schema of which every keyword is one that a validator enforces; annotations are left out. */
export type JsonSchema = Readonly<Record<string, unknown>>;

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

/**
 * The schema without annotations, once every keyword in it is known to be enforced; `at` and `depth`
 * are where it stands in the whole. Throws a TypeError that names the place of what is not.
 */
export const checkable = (schema: unknown, at = "#", depth = 0): JsonSchema => {
  if (!isRecord(schema)) throw new TypeError(`${at}: expected a schema object`);
  if (depth > MAX_DEPTH) throw new TypeError(`${at}: nested deeper than ${MAX_DEPTH} levels`);
  const checks = Object.entries(schema).filter(([keyword]) => !ANNOTATIONS.has(keyword));
  const copy: Record<string, unknown> = {};
  for (const [keyword, value] of checks)
    copy[keyword] = enforced(schema, keyword, value, at, depth);
  const kind = ["type", "enum", "const", "anyOf"].filter((keyword) => keyword in copy);
  // Beside an enum, a const or a union, nothing would look at what `type` demands.
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
    if (Object.hasOwn(BOUNDS, type)) return value;
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

/** Whether a value is an object with keys, e.g. a schema. */
export const isRecord = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isScalar = (value: unknown): boolean =>
  value === null || ["string", "number", "boolean"].includes(typeof value);

const shown = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));
