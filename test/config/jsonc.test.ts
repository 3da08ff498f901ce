import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonc } from "../../config/jsonc.ts";
import { processorMs } from "../fakes/processor-time.ts";
import { problemsOf } from "./workspace.ts";

describe("parseJsonc", () => {
  it("reads comments and trailing commas", () => {
    const { value } = parseJsonc('{ // one\n "a": [1, 2,], /* two */ "b": {"c": null,},\n}');
    expect(value).toEqual({ a: [1, 2], b: { c: null } });
  });

  it("reads what JSON reads", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (object) => {
        fc.pre(!JSON.stringify(object).includes("__proto__"));
        expect(parseJsonc(JSON.stringify(object)).value).toEqual(
          JSON.parse(JSON.stringify(object)),
        );
      }),
    );
  });

  it("reports a duplicate key with its path and line", () => {
    const { problems } = parseJsonc('{\n "server": {\n  "port": 1,\n  "port": 2\n }\n}');
    expect(problems).toEqual([
      { path: "server.port", found: "the same key again", expected: "each key once", line: 4 },
    ]);
  });

  it("refuses a __proto__ key instead of changing the prototype", () => {
    const { value, problems } = parseJsonc('{"server": {"__proto__": {"port": 1}}}');
    expect(problems.map(({ path }) => path)).toEqual(["server.__proto__"]);
    expect(Object.getPrototypeOf(Object(value).server)).toBe(Object.prototype);
  });

  it("refuses nesting that would exhaust the stack", () => {
    for (const text of ["[".repeat(200_000), '{"a":'.repeat(100_000)]) {
      expect(parseJsonc(text).problems[0]?.expected).toBe("at most 64 levels of nesting");
    }
  });

  it("does not count brackets in texts and comments as nesting", () => {
    const text = `{"a": "${"[".repeat(500)}" /* ${"{".repeat(500)} */}`;
    expect(parseJsonc(text).problems).toEqual([]);
  });

  it.each(["", "   ", "null", "[]", '"x"', "12", "{", '{"a" 1}', "{'a': 1}", '{"a": 1} {"b": 2}'])(
    "refuses %j",
    (text) => {
      const { value, problems } = parseJsonc(text);
      expect(value).toBeUndefined();
      expect(problems.length).toBeGreaterThan(0);
    },
  );

  it.each([
    ["{a: 1}", 1, /a key in double quotes/],
    ['{"a": 1\n"b": 2}', 2, /"," between two entries/],
    ['{"a": {"b": 1}', 1, /a "}" for each "{"/],
    ['{"port": $PORT}', 1, /double quotes around a placeholder/],
    ['{"a": yes}', 1, /a value: text in double quotes/],
    ['{"a": "x}\n', 1, /double quote at the end/],
    ['{"a": "C:\\data"}', 1, /after a backslash/],
  ])("says what would be right in %j", (text, line, expected) => {
    expect(parseJsonc(text).problems).toContainEqual({
      path: "settings",
      found: expect.stringContaining("a syntax error"),
      expected: expect.stringMatching(expected),
      line,
    });
  });

  it.each(["", " \n", "// later\n", "/* later */"])("says of %j that nothing is in it", (text) => {
    expect(parseJsonc(text).problems).toEqual([
      { path: "settings", found: "nothing", expected: "an object: { … }", line: 1 },
    ]);
  });

  it("does not show the text around a syntax error", () => {
    const { problems } = parseJsonc('{"channels": {"wechat_work": {"secret": "hunter2}}');
    expect(JSON.stringify(problems)).not.toContain("hunter2");
  });
});

describe("loading hostile text", () => {
  it("reports a mebibyte of unknown keys without comparing each with all others", () => {
    const keys = Array.from({ length: 70_000 }, (_, index) => `"k${index}":1`);
    const spentMs = processorMs(() => {
      expect(problemsOf(`{${keys.join(",\n")}}`)).toHaveLength(70_000);
    });
    // Seconds when linear; minutes when quadratic.
    expect(spentMs).toBeLessThan(15_000);
  });

  const fragment = fc.constantFrom(
    ...'{}[],:"\\/*\n0-1e9.'.split(""),
    '"server"',
    '"port"',
    '"channels"',
    '"wechat_work"',
    '"apps"',
    '"multi_tenant"',
    '"tenants"',
    '"bindings"',
    '"models"',
    '"providers"',
    '"__proto__"',
    '"constructor"',
    "null",
    "true",
    "1e999",
    `"$${"{A}"}"`,
    `"$${"{"}"`,
    '"file:/nowhere"',
    "//",
    "\u0000",
    "\uD800",
  );

  it("ends in problems or in settings, whatever the text", () => {
    const text = fc.oneof(
      fc.array(fragment, { maxLength: 40 }).map((parts) => parts.join("")),
      fc.array(fragment, { maxLength: 20 }).map((parts) => `{${parts.join("")}}`),
      fc.string({ unit: "binary" }),
    );
    // Throws whatever is no SettingsError.
    fc.assert(
      fc.property(text, (hostile) => void problemsOf(hostile)),
      { numRuns: 200 },
    );
  });

  it("ends in problems or in settings, whatever stands at any key", () => {
    const junk = fc.jsonValue({ maxDepth: 3 });
    const block = fc.dictionary(
      fc.constantFrom(
        "enabled",
        "apps",
        "bots",
        "tenants",
        "providers",
        "prices",
        "folders",
        "url",
        "rbac",
        "wechat_work",
        "hosts",
        "execution",
        "x",
      ),
      fc.oneof(
        junk,
        fc.array(
          fc.dictionary(
            fc.constantFrom("id", "bindings", "llm_config", "agents", "webhook_path", "name"),
            junk,
          ),
        ),
      ),
    );
    const settings = fc.dictionary(
      fc.constantFrom(
        "server",
        "storage",
        "channels",
        "multi_tenant",
        "models",
        "moderation",
        "skills",
        "openshell",
        "enterprise",
        "monitoring",
        "y",
      ),
      fc.oneof(junk, block),
    );
    fc.assert(
      fc.property(settings, (hostile) => void problemsOf(hostile)),
      { numRuns: 200 },
    );
  });
});
