import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, parseDocument, stringify } from "yaml";
import { MAX_POLICY_BYTES, readYaml } from "../../../sandbox/policy-file/yaml.ts";

const problems = (text: string) =>
  readYaml(text).problems.map(
    ({ path, found, expected, line }) => `${line}: ${path}: ${found} / ${expected}`,
  );

const WRITTEN_OUT = "the value written out; in quotes when text is meant";

describe("YAML traps", () => {
  it.each([
    ["the same key twice", "a: 1\nb: 2\na: 3", "3: a: the same key again / each key once"],
    ["the same key twice in one line", "{a: 1, a: 1}", "1: a: the same key again / each key once"],
    ["the same key in quotes", "a: 1\n'a': 2", "2: a: the same key again / each key once"],
    ["an anchor", "a: &x 1", `1: a: an anchor (&x) / ${WRITTEN_OUT}`],
    ["a merge key", "<<: {b: 1}", "1: policy: a merge key (<<) / the keys written out"],
    ["a number as key", "443: a", '1: policy: the key 443, which is no text / "443" in quotes'],
    ["on as key", "on: a", '1: policy: the key on, which is no text / "on" in quotes'],
    ["a list as key", "? [a]\n: b", "1: policy: a key that is a list or a map / a text as key"],
    ["no key", ": b", "1: policy: a key without a name / a name"],
    ["__proto__", "__proto__: {a: 1}", "1: __proto__: a key that nothing may have / no such key"],
    ["a tag", "a: !!binary aGk=", "1: a: a tag (tag:yaml.org,2002:binary) / no tags"],
    ["a local tag", "a: !x b", "1: a: a tag (!x) / no tags"],
    ["two documents", "a: 1\n---\nb: 2", "2: policy: a second document / one policy in a file"],
    ["a tab", "a:\n\tb: 1", "2: policy: a tab as indentation / spaces"],
    ["nothing", "# empty\n", "1: policy: nothing / a policy: version: 1 …"],
    [
      "a directive",
      "%YAML 1.1\n---\na: b",
      "1: policy: a %YAML directive / no directives; YAML 1.2 is meant",
    ],
    [
      "a control character",
      "a: b\nc: x\u0007y",
      "2: policy: the control character U+0007 / printable text; in double quotes it can be written as an escape",
    ],
  ])("refuses %s", (_name, text, problem) => {
    expect(problems(text)).toContain(problem);
  });

  it("refuses a bomb of aliases without building it", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"];
    for (let n = 1; n < 30; n += 1) {
      lines.push(
        `a${n}: &a${n} [${Array(9)
          .fill(`*a${n - 1}`)
          .join(", ")}]`,
      );
    }
    const found = problems(lines.join("\n"));
    expect(found[0]).toBe(`1: a0: an anchor (&a0) / ${WRITTEN_OUT}`);
    expect(found).toHaveLength(30);
    expect(problems("a: [1]\nb: *a")).toEqual([`2: b: an alias (*a) / ${WRITTEN_OUT}`]);
  });

  it.each([
    ["yes", "some readers of YAML take it for true or false"],
    ["No", "some readers of YAML take it for true or false"],
    ["ON", "some readers of YAML take it for true or false"],
    ["off", "some readers of YAML take it for true or false"],
    ["y", "some readers of YAML take it for true or false"],
    ["True", "only some readers of YAML take it for true or false"],
    ["~", "readers of YAML take it for no value"],
    ["null", "readers of YAML take it for no value"],
    ["0755", "some readers of YAML take it for an octal number"],
    ["0o17", "readers of YAML take it for a number in another base"],
    ["0x1F", "readers of YAML take it for a number in another base"],
    ["1_000", "some readers of YAML drop the underscores"],
    ["12:30", "some readers of YAML count it in sixties"],
    [".inf", "readers of YAML take it for a number that is none"],
    ["+1", "readers of YAML drop the plus"],
    ["1e3", "only some readers of YAML take it for a number"],
    ["1.", "only some readers of YAML take it for a number"],
    ["2026-01-01", "some readers of YAML take it for a date"],
  ])("refuses %s without quotes, and takes it in quotes", (word, why) => {
    expect(problems(`a: ${word}`)).toEqual([
      `1: a: ${word} without quotes; ${why} / "${word}" when text is meant`,
    ]);
    expect(readYaml(`a: "${word}"`).value).toEqual({ a: word });
  });

  it("refuses numbers that reading would change", () => {
    for (const word of ["12345678901234567890", "1.50"]) {
      expect(problems(`a: ${word}`)[0]).toContain(`the number ${word}`);
    }
  });

  it("refuses what is too large, before it is parsed", () => {
    expect(problems(`# ${"x".repeat(MAX_POLICY_BYTES)}`)).toEqual([
      `undefined: policy: ${MAX_POLICY_BYTES + 2} bytes / at most ${MAX_POLICY_BYTES} bytes`,
    ]);
  });

  it.each([
    ["brackets", "[".repeat(200_000)],
    ["braces", "{a: ".repeat(100_000)],
    ["dashes", `${"- ".repeat(100_000)}x`],
    ["question marks", `${"? ".repeat(100_000)}x`],
    ["indentation", Array.from({ length: 600 }, (_, n) => `${" ".repeat(n)}a:`).join("\n")],
  ])("refuses deep nesting by %s without running out of stack", (_name, text) => {
    expect(problems(text)[0]).toMatch(/deeper nesting \/ at most 32 levels of nesting$/);
  });

  it("finds duplicates among very many keys in time", () => {
    const keys = Array.from({ length: 50_000 }, (_, n) => `k${n}: 1`);
    expect(problems([...keys, "k0: 2"].join("\n"))).toEqual([
      "50001: k0: the same key again / each key once",
    ]);
  });

  it("never throws, whatever it is given", () => {
    const words = fc.constantFrom(
      "- ",
      ": ",
      "? ",
      "[",
      "]",
      "{",
      "}",
      "&a ",
      "*a",
      "!t ",
      "|",
      ">",
      "'",
      '"',
      "#",
      "\n",
      "  ",
      "\t",
      "a",
      "1",
      "<<",
      "---\n",
      "...\n",
      "%",
      ",",
      "\u2028",
      "\ufeff",
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), (parts) => {
        readYaml(parts.join(""));
      }),
      { numRuns: 2000 },
    );
  });

  it("reads as YAML 1.1 and YAML 1.2 readers do, or refuses", () => {
    const plain = fc.oneof(
      fc.stringMatching(/^[-+.0-9a-fA-FxXoOe_:~]{1,8}$/),
      fc.constantFrom("yes", "No", "NULL", "Null", "true", "FALSE", "0b11", "0O7", "1:2:3", "-.5"),
      fc.stringMatching(/^[a-z*?/.-]{1,10}$/),
    );
    fc.assert(
      fc.property(plain, (word) => {
        const text = `a: ${word}\n`;
        const { value, problems } = readYaml(text);
        if (problems.length > 0) return;
        for (const version of ["1.1", "1.2"] as const) {
          if (parseDocument(text, { version }).errors.length > 0) continue;
          const theirs = parse(text, { version });
          expect({ version, ...theirs }).toEqual({ version, ...(value as object) });
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("reads what the yaml package writes", () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.stringMatching(/^[b-mo-x][a-z_]{2,8}$/),
          fc.oneof(fc.boolean(), fc.nat(), fc.string()),
        ),
        (value) => {
          const { value: read, problems } = readYaml(
            stringify(value, {
              version: "1.1",
              defaultStringType: "QUOTE_DOUBLE",
              defaultKeyType: "PLAIN",
            }),
          );
          if (Object.keys(value).length > 0 && problems.length === 0) expect(read).toEqual(value);
        },
      ),
    );
  });
});
