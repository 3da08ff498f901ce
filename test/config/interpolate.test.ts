import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpolate } from "../../config/interpolate.ts";

const escaped = (text: string) => text.replaceAll("${", "$$${");
const shown = (text: string, env: Record<string, string> = {}) => interpolate(text, env).text;
const placeholder = (inside: string) => "$" + `{${inside}}`;

describe("interpolate", () => {
  it("leaves any text without a placeholder as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(!text.includes("${"));
        expect(interpolate(text, {})).toMatchObject({ text, missing: [], isMalformed: false });
      }),
    );
  });

  it("gives back any text that was escaped", () => {
    const dollars = fc.string({ unit: fc.constantFrom("$", "{", "}", "A", ":", "-", "é") });
    fc.assert(
      fc.property(dollars, (text) => {
        expect(interpolate(escaped(text), { A: "wrong" })).toMatchObject({
          text,
          isMalformed: false,
        });
      }),
    );
  });

  it("takes what a variable holds as it is, placeholders too", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "B", "&") }), (held) => {
        expect(shown(placeholder("A"), { A: held, B: "wrong" })).toBe(held);
        expect(shown(`<${placeholder("A")}>`, { A: held, B: "wrong" })).toBe(`<${held}>`);
      }),
    );
  });

  it("takes the default for a variable that is not set or empty", () => {
    expect(shown(placeholder("A:-8080"))).toBe("8080");
    expect(shown(placeholder("A:-8080"), { A: "" })).toBe("8080");
    expect(shown(placeholder("A:-8080"), { A: "1" })).toBe("1");
    expect(shown(placeholder("A:-"))).toBe("");
  });

  it("names every variable that is missing", () => {
    const text = `${placeholder("A")}${placeholder("B")}${placeholder("C:-x")}`;
    expect(interpolate(text, { B: "" }).missing).toEqual(["A"]);
  });

  it.each(["constructor", "__proto__", "toString", "hasOwnProperty"])(
    "does not take %s of the object for a variable",
    (name) => {
      expect(interpolate(placeholder(name), {}).missing).toEqual([name]);
    },
  );

  it.each(["", "1A", "A B", "A-x", "A:x", "A:+x", "A.B"])(
    "calls a placeholder with %j in it malformed",
    (inside) => {
      expect(interpolate(placeholder(inside), { A: "1" }).isMalformed).toBe(true);
    },
  );

  it("calls a placeholder without an end malformed", () => {
    expect(interpolate(placeholder("A").slice(0, -1), { A: "1" }).isMalformed).toBe(true);
  });

  it("tells one whole placeholder from a part of a text", () => {
    expect(interpolate(placeholder("A"), { A: "1" }).isWhole).toBe(true);
    expect(interpolate(placeholder("A:-1"), {}).isWhole).toBe(true);
    expect(interpolate(`${placeholder("A")}${placeholder("A")}`, { A: "1" }).isWhole).toBe(false);
    expect(interpolate(` ${placeholder("A")}`, { A: "1" }).isWhole).toBe(false);
    expect(interpolate(`$${placeholder("A")}`, { A: "1" }).isWhole).toBe(false);
  });
});
