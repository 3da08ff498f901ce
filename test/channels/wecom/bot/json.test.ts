import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  JsonError,
  JsonNumber,
  type JsonValue,
  readJson,
  textIn,
} from "../../../../channels/wecom/bot/json.ts";

/** What `JSON.parse` would have made of it. */
const plain = (value: JsonValue): unknown => {
  if (value instanceof JsonNumber) return JSON.parse(value.text);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([name, inner]) => [name, plain(inner)]));
  }
  return Array.isArray(value) ? value.map(plain) : value;
};

const REFUSED: Readonly<Record<string, string>> = {
  "an array": "[1]",
  "a string": '"x"',
  nothing: "",
  "a root that is not closed": '{"a":1',
  "a comma too many": '{"a":1,}',
  "a comment": '{"a":1/*x*/}',
  "single quotes": "{'a':1}",
  "a name without quotes": "{a:1}",
  "a second root": '{"a":1}{"b":2}',
  junk: '{"a":1}x',
  "a byte order mark": '\ufeff{"a":1}',
  "a leading zero": '{"a":01}',
  "a plus sign": '{"a":+1}',
  NaN: '{"a":NaN}',
  "a raw line feed in a string": '{"a":"x\ny"}',
  "an unknown escape": '{"a":"\\x41"}',
  "a name that is there twice": '{"encrypt":"a","encrypt":"b"}',
  "a name that is there twice, once escaped": '{"encrypt":"a","\\u0065ncrypt":"b"}',
  "half a character": '{"a":"\\ud800"}',
  "17 levels": `{"a":${"[".repeat(16)}${"]".repeat(16)}}`,
  "100 000 levels": `{"a":${"[".repeat(100_000)}`,
  "10 001 values": `{"a":[${"1,".repeat(10_000)}1]}`,
};

describe("readJson", () => {
  it.each(Object.entries(REFUSED))("refuses %s", (_flaw, text) => {
    expect(() => readJson(text)).toThrow(JsonError);
  });

  it("keeps ids of 64 bits as they were written", () => {
    expect(textIn(readJson('{"msgid":7123456789012345678}'), "msgid")).toBe("7123456789012345678");
  });

  it("takes __proto__ for a name like any other", () => {
    const object = readJson('{"__proto__":{"encrypt":"x"},"constructor":"y"}');
    expect(textIn(object, "encrypt")).toBeUndefined();
    expect(textIn(object, "toString")).toBeUndefined();
    expect(textIn(object, "constructor")).toBe("y");
  });

  it("reads every object as JSON.parse does", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 5 })),
        fc.constantFrom(undefined, 1, "\t"),
        (object, indent) => {
          const text = JSON.stringify(object, undefined, indent);
          const expected: unknown = JSON.parse(text);
          if (!text.isWellFormed() || /\\u[dD]/.test(text)) return;
          expect(plain(readJson(text))).toEqual(expected);
        },
      ),
    );
  });

  it("throws nothing but JsonError, and reads nothing that JSON.parse refuses", () => {
    const piece = fc.constantFrom(...'{}[]",:\\\n u0aeE-+.1 9truefalsn\u0000\ud800é'.split(""));
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: piece }));
    fc.assert(
      fc.property(text, (inner) => {
        for (const candidate of [inner, `{${inner}}`, `{"a":${inner}}`, `{"a":"${inner}"}`]) {
          try {
            readJson(candidate);
          } catch (error) {
            expect(error).toBeInstanceOf(JsonError);
            continue;
          }
          expect(() => JSON.parse(candidate)).not.toThrow();
        }
      }),
      { numRuns: 500 },
    );
  });
});
