import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createValidator } from "../../skills/shape.ts";

const object = (properties: object, rest: object = {}) => ({ type: "object", properties, ...rest });
const one = (schema: object) => object({ a: schema }, { required: ["a"] });
const wide = Object.fromEntries(
  Array.from({ length: 2000 }, (_, n) => [`p${n}`, { type: "null" }]),
);
const union = (size: number, option: object) => ({ anyOf: Array(size).fill(option) });

describe("the default shape", () => {
  const check = createValidator();
  it("is an object with a text", () => {
    expect(check({ text: "" })).toBeUndefined();
    expect(check({ text: "a", more: 1 })).toBeUndefined();
  });
  it.each([[{}], [{ text: 1 }], [{ text: null }], ["text"], [null], [[]], [undefined]])(
    "is not %j",
    (value) => expect(check(value)).toEqual(expect.any(String)),
  );
});

describe("schemas that can be checked", () => {
  const cases: readonly [
    string,
    Record<string, unknown>,
    readonly unknown[],
    readonly unknown[],
  ][] = [
    [
      "string bounds",
      one({ type: "string", minLength: 2, maxLength: 3 }),
      ["ab", "abc"],
      ["a", "abcd", 5],
    ],
    [
      "number bounds",
      one({ type: "number", minimum: 1, exclusiveMaximum: 3 }),
      [1, 2.5],
      [0.9, 3, "2"],
    ],
    ["integers", one({ type: "integer" }), [1, -1], [1.5, "1", null]],
    ["booleans", one({ type: "boolean" }), [true], [0, "true"]],
    ["null", one({ type: "null" }), [null], [0, ""]],
    ["enums", one({ enum: ["x", 1, null] }), ["x", 1, null], ["y", 2, "1"]],
    ["string enums", one({ type: "string", enum: ["x", "y"] }), ["x"], ["z", 1]],
    [
      "arrays of objects that differ in more than the order of their keys",
      one({ type: "array", uniqueItems: true }),
      [
        [
          { x: 1, y: 2 },
          { x: 2, y: 1 },
        ],
        [[1], [[1]], "1", 1],
      ],
      [
        [
          { x: 1, y: 2 },
          { y: 2, x: 1 },
        ],
        [[{ x: 1, y: 2 }], [{ y: 2, x: 1 }]],
      ],
    ],
    [
      "numbers of objects' properties",
      one({ type: "object", minProperties: 1, maxProperties: 2 }),
      [{ x: 1 }],
      [{}, { x: 1, y: 1, z: 1 }],
    ],
    [
      "unions of unlike objects",
      one({
        anyOf: [
          object({ x: { type: "integer" } }, { required: ["x"] }),
          { type: "array", items: { type: "string" } },
        ],
      }),
      [{ x: 1 }, ["y"], []],
      [{}, { x: "1" }, [1], "x"],
    ],
    ["constants", one({ const: 7 }), [7], [8, "7"]],
    [
      "arrays",
      one({
        type: "array",
        items: { type: "string" },
        minItems: 1,
        maxItems: 2,
        uniqueItems: true,
      }),
      [["a"], ["a", "b"]],
      [[], ["a", "a"], [1], ["a", "b", "c"], "a"],
    ],
    ["unions", one({ anyOf: [{ type: "string" }, { type: "null" }] }), ["x", null], [1, []]],
    [
      "nested objects",
      one(object({ b: { type: "integer" } }, { required: ["b"], additionalProperties: false })),
      [{ b: 1 }],
      [{}, { b: 1, c: 2 }, { b: "1" }],
    ],
    [
      "typed extras",
      one({ type: "object", additionalProperties: { type: "integer" } }),
      [{}, { x: 1 }],
      [{ x: "1" }],
    ],
    ["anything", one({}), [1, "x", null, [], {}], []],
    [
      "annotations",
      one({ type: "string", title: "t", description: "d", examples: ["e"] }),
      ["x"],
      [1],
    ],
  ];

  it.each(cases)("check %s", (_name, schema, fitting, others) => {
    const check = createValidator(schema);
    for (const a of fitting) expect(check({ a })).toBeUndefined();
    for (const a of others) expect(check({ a })).toMatch(/^a/);
    expect(check({})).toEqual(expect.any(String));
  });

  it("do not let a default stand in for a value that is required", () => {
    expect(createValidator(one({ type: "string", default: "x" }))({})).toBeDefined();
  });
});

describe("schemas that cannot be checked", () => {
  it.each<[string, Record<string, unknown>]>([
    ["no object", { type: "string" }],
    ["no type", {}],
    ["a reference", one({ $ref: "#/$defs/x" })],
    ["a pattern", one({ type: "string", pattern: "(a+)+$" })],
    ["a format", one({ type: "string", format: "email" })],
    ["a condition", { type: "object", if: {}, else: {} }],
    ["a negation", one({ not: {} })],
    ["a misspelt keyword", one({ type: "string", maxlength: 3 })],
    ["a keyword of another type", one({ type: "string", maximum: 3 })],
    ["a keyword without a type", one({ minLength: 3 })],
    ["a list of types", one({ type: ["string", "null"] })],
    ["a type beside a constant", one({ type: "string", const: 1 })],
    ["an enum of numbers called strings", one({ type: "string", enum: [1] })],
    ["a required property that is not declared", object({}, { required: ["b"] })],
    [
      "a property called __proto__",
      JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}'),
    ],
    [
      "an endless nesting",
      Array.from({ length: 40 }).reduce<Record<string, unknown>>((inner) => object({ a: inner }), {
        type: "object",
      }),
    ],
    ["a union of more options than one value may cost", one(union(65, { type: "integer" }))],
    [
      "unions within unions, which multiply",
      one(Array.from({ length: 7 }).reduce<object>((inner) => union(2, inner), { type: "null" })),
    ],
  ])("are refused: %s", (_name, schema) => {
    expect(() => createValidator(schema)).toThrow(TypeError);
  });
});

it("tells where a value is wrong without repeating it", () => {
  const check = createValidator(object({ a: { enum: ["x"] }, b: { type: "integer" } }));
  fc.assert(
    fc.property(fc.string({ minLength: 12 }), (secret) => {
      const problem = check({ a: secret, b: secret, [secret]: 1 });
      expect(problem).toBeDefined();
      expect(problem).not.toContain(secret);
    }),
  );
});

it("does not take a person's words for the name of a place", () => {
  const extras = object({ a: { type: "integer" } }, { additionalProperties: { type: "integer" } });
  expect(createValidator(extras)({ a: "", "Wang Xiaoming A123456789": "" })).toBe(
    "a: expected integer; *: expected integer",
  );
});

it.each<[string, Record<string, unknown>, unknown]>([
  [
    "values of an enum",
    { enum: Array.from({ length: 5000 }, (_, n) => (n % 2 ? n : `${n}`)) },
    "x",
  ],
  ["missing properties", object(wide, { required: Object.keys(wide) }), {}],
  ["optional properties", object(wide), {}],
  ["options of a union", union(64, { type: "array", items: { const: 1 } }), [1, 1, 1, 1, 2]],
])("attack: a schema and a value that cost more together than apart: %s", (_name, items, item) => {
  const check = createValidator(one({ type: "array", items }));
  // A report of all that is wrong would be of the product's size, which is gigabytes.
  const problem = check({ a: Array(10_000).fill(item) });
  expect(problem?.length ?? 0).toBeLessThan(1_000);
});

it("attack: names of properties that fill the record", () => {
  const name = "x".repeat(50_000);
  const check = createValidator(object({ [name]: object({ [name]: {} }, { required: [name] }) }));
  expect(check({ [name]: {} })).toBe(`${"x".repeat(100)}…: expected a value`);
});

it("needs what is required to be the value's own, by whatever name", () => {
  const check = createValidator(
    object({ constructor: {}, toString: {} }, { required: ["constructor", "toString"] }),
  );
  expect(check({})).toBe("constructor: expected a value; toString: expected a value");
  expect(createValidator()(JSON.parse('{"__proto__":{"text":"a"}}'))).toBe("text: expected string");
  const strict = createValidator(object({ text: {} }, { additionalProperties: false }));
  expect(strict(JSON.parse('{"__proto__":{}}'))).toBe(
    "value: a property that the schema does not know",
  );
});
