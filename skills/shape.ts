import { checkable, isRecord, type JsonSchema } from "./schema.ts";

/** Says what is wrong with a value, e.g. `text: expected string`, or undefined when it fits. */
export type Validator = (value: unknown) => string | undefined;

/** The JSON schema that a skill without one of its own has for its input and for its output. */
export const DEFAULT_SHAPE: Readonly<Record<string, unknown>> = {
  type: "object",
  properties: { text: { type: "string" } },
  required: ["text"],
};

const MAX_PROBLEMS = 5;
const MAX_PLACE = 100;
/** Options of unions that one value is tried against; what they cost multiplies with the values. */
const MAX_TRIED = 64;

/**
 * A validator for the JSON schema of a skill's input or output; absent = `{"text": string}`.
 * Only what is really checked is accepted, keywords and annotations (see `checkable`). Anything else,
 * `$ref`, `format` and `pattern` included (a pattern of a stranger can hang the process), throws
 * a TypeError that names the place, and so do unions that would try too many options on one value.
 * Takes time in proportion to the value, whatever the schema, and stops at a few problems. Lengths
 * count UTF-16 units. Problem texts name places and types, never the value: a property that the
 * schema does not name is `*`.
 * @see https://json-schema.org/draft/2020-12/json-schema-validation
 */
export const createValidator = (schema: JsonSchema = DEFAULT_SHAPE): Validator => {
  if (schema.type !== "object") {
    throw new TypeError(`#: expected "type": "object", found ${JSON.stringify(schema.type)}`);
  }
  const plain = checkable(schema);
  const tried = optionsTried(plain);
  if (tried > MAX_TRIED) {
    throw new TypeError(`#: anyOf tries ${tried} schemas on one value, at most ${MAX_TRIED}`);
  }
  const check = compile(plain);
  return (value) => {
    const report = new Report(MAX_PROBLEMS);
    check(value, "", report);
    return report.problems.length === 0 ? undefined : report.problems.join("; ");
  };
};

/** The first problems that a value has, at most `most`: a search that has found so many may stop. */
class Report {
  readonly problems: string[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get isFull(): boolean {
    return this.problems.length >= this.#most;
  }

  add(at: string, problem: string): void {
    // The schema's author chose these names, and the record keeps them.
    const place = at.length > MAX_PLACE ? `${at.slice(0, MAX_PLACE)}…` : at || "value";
    if (!this.isFull) this.problems.push(`${place}: ${problem}`);
  }
}

/** Reports what is wrong with the value at a place; may stop once the report is full. */
type Check = (value: unknown, at: string, report: Report) => void;

const compile = (schema: JsonSchema): Check => {
  if (Array.isArray(schema.anyOf)) return anyOf(schema.anyOf.filter(isRecord).map(compile));
  if ("const" in schema) return oneOf([schema.const]);
  if (Array.isArray(schema.enum)) return oneOf(schema.enum);
  switch (schema.type) {
    case "object":
      return objectOf(schema);
    case "array":
      return arrayOf(schema);
    case "string":
      return scalar("string", isString, [bounds(schema, ["minLength", "maxLength"], lengthOf)]);
    case "number":
      return scalar("number", isNumber, numberBounds(schema));
    case "integer":
      return scalar("integer", Number.isSafeInteger, numberBounds(schema));
    case "boolean":
      return scalar("boolean", (value) => typeof value === "boolean");
    case "null":
      return scalar("null", (value) => value === null);
    default:
      return () => {};
  }
};

const anyOf =
  (options: readonly Check[]): Check =>
  (value, at, report) => {
    const fits = options.some((option) => {
      const own = new Report(1);
      option(value, at, own);
      return !own.isFull;
    });
    if (!fits) report.add(at, "does not fit the schema");
  };

const oneOf = (values: readonly unknown[]): Check => {
  const allowed = new Set(values);
  return (value, at, report) => {
    if (!allowed.has(value)) report.add(at, "not one of the values allowed");
  };
};

const objectOf = (schema: JsonSchema): Check => {
  const declared = new Map(
    Object.entries(isRecord(schema.properties) ? schema.properties : {}).map(
      ([name, property]) => [name, compile(isRecord(property) ? property : {})] as const,
    ),
  );
  const { additionalProperties: others, required } = schema;
  const other = isRecord(others) ? compile(others) : undefined;
  const needed = Array.isArray(required) ? required.map(String) : [];
  const count = bounds(schema, ["minProperties", "maxProperties"], (value) =>
    isRecord(value) ? Object.keys(value).length : 0,
  );
  return (value, at, report) => {
    if (!isRecord(value)) return report.add(at, "expected object");
    count(value, at, report);
    for (const name of needed) {
      if (report.isFull) return;
      // As if it were there with nothing in it, which says what belongs there.
      if (!Object.hasOwn(value, name)) missing(declared.get(name), within(at, name), report);
    }
    for (const [name, property] of Object.entries(value)) {
      if (report.isFull) return;
      const known = declared.get(name);
      if (known) known(property, within(at, name), report);
      else if (others === false) report.add(at, "a property that the schema does not know");
      else other?.(property, within(at, "*"), report);
    }
  };
};

const missing = (check: Check | undefined, at: string, report: Report): void => {
  const before = report.problems.length;
  check?.(undefined, at, report);
  if (report.problems.length === before) report.add(at, "expected a value");
};

const arrayOf = (schema: JsonSchema): Check => {
  const item = isRecord(schema.items) ? compile(schema.items) : undefined;
  const count = bounds(schema, ["minItems", "maxItems"], (value) =>
    Array.isArray(value) ? value.length : 0,
  );
  return (value, at, report) => {
    if (!Array.isArray(value)) return report.add(at, "expected array");
    count(value, at, report);
    const seen = new Set<string>();
    for (const [index, each] of value.entries()) {
      if (report.isFull) return;
      const place = within(at, String(index));
      item?.(each, place, report);
      if (schema.uniqueItems !== true) continue;
      const text = canonical(each);
      if (seen.has(text)) report.add(place, "comes twice");
      seen.add(text);
    }
  };
};

const scalar =
  (name: string, isOne: (value: unknown) => boolean, limits: readonly Check[] = []): Check =>
  (value, at, report) => {
    if (!isOne(value)) return report.add(at, `expected ${name}`);
    for (const limit of limits) limit(value, at, report);
  };

/** Checks a size, or a number itself, against a lower and an upper bound, where the schema has them. */
const bounds = (
  schema: JsonSchema,
  [lower, upper]: readonly [string, string],
  sizeOf: (value: unknown) => number,
): Check => {
  const least = isNumber(schema[lower]) ? schema[lower] : -Infinity;
  const most = isNumber(schema[upper]) ? schema[upper] : Infinity;
  return (value, at, report) => {
    const size = sizeOf(value);
    if (size < least) report.add(at, `expected at least ${least}`);
    if (size > most) report.add(at, `expected at most ${most}`);
  };
};

const numberBounds = (schema: JsonSchema): readonly Check[] => {
  const { exclusiveMinimum: above = -Infinity, exclusiveMaximum: below = Infinity } = schema;
  return [
    bounds(schema, ["minimum", "maximum"], Number),
    (value, at, report) => {
      if (!(Number(value) > Number(above))) report.add(at, `expected more than ${above}`);
      if (!(Number(value) < Number(below))) report.add(at, `expected less than ${below}`);
    },
  ];
};

/** How many schemas one value anywhere in a document is tried against, at most. */
const optionsTried = ({ anyOf, items, additionalProperties, properties }: JsonSchema): number => {
  const options = Array.isArray(anyOf) ? anyOf.filter(isRecord) : [];
  const children = [items, additionalProperties, ...Object.values(properties ?? {})];
  return Math.max(
    options.reduce<number>((sum, option) => sum + optionsTried(option), 0),
    ...children.filter(isRecord).map(optionsTried),
    1,
  );
};

const within = (at: string, part: string): string => (at === "" ? part : `${at}.${part}`);

const isString = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => Number.isFinite(value);
const lengthOf = (value: unknown): number => (isString(value) ? value.length : 0);

/** Equal for values that JSON takes for the same, in whatever order their keys are. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    isRecord(part) ? Object.fromEntries(Object.entries(part).sort(byKey)) : part,
  );

const byKey = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1;
