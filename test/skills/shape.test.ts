import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createValidator } from "../../skills/shape.ts";

const object = (properties: object, rest: object = {}) => ({ type: "object", properties, ...rest });
const one = (schema: object) => object({ a: schema }, { required: ["a"] });

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
