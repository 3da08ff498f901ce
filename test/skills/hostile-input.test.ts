import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { askSkill, runSkill } from "../fakes/run-skill.ts";

describe.each(["calculator", "csv-summary"])("%s", (skill) => {
  it.each([
    ["nothing", ""],
    ["no JSON", "12% of 340"],
    ["half a JSON", '{"text":"1'],
    ["a list", '["text"]'],
    ["no text", "{}"],
    ["a text that is a number", '{"text":1}'],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ["a NUL", '{"text":"1\u0000"}'],
    ["deeply nested JSON", `${"[".repeat(100_000)}`],
    ["more than 1 MiB", JSON.stringify({ text: "1".repeat(1024 * 1024) })],
  ])("ends with exit code 1 and one line about it, given %s", async (_name, stdin) => {
    const { exitCode, stdout, stderr } = await runSkill(skill, stdin);
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(new RegExp(`^${skill}: .+\\n$`));
  });

  it.each([
    ["an escaped NUL", "1\u0000+1"],
    ["a lone surrogate", "1 + \ud800"],
    ["a million digits", "1".repeat(900_000)],
    ["a million brackets", "(".repeat(900_000)],
    ["a million signs", "-".repeat(900_000)],
    ["a million quotes", '"'.repeat(450_000)],
    ["rows of open quotes", '"a,b\n'.repeat(90_000)],
    ["a million delimiters", ",".repeat(900_000)],
    ["a million lines", "a,b\n".repeat(200_000)],
    ["a million blanks", " ".repeat(900_000)],
    ["a million colons", "a: ".repeat(300_000)],
  ])(
    "answers within its limit of time, given %s",
    async (_name, text) => {
      expect((await askSkill(skill, text)).length).toBeLessThan(20_000);
    },
    15_000,
  );

  it("answers in English when the language is unknown", async () => {
    expect(await askSkill(skill, "hello", "xx")).toBe(await askSkill(skill, "hello", "en"));
  });

  it("answers something to whatever it is asked", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .array(
          fc.constantFrom(
            ..."0 1 12 . , % ( ) + - * / ^ of 的 到 = \n | ; 2026-01-01 days 打 折 what is".split(
              " ",
            ),
          ),
        )
        .map((parts) => parts.join(" ")),
    );
    await fc.assert(
      fc.asyncProperty(text, async (question) => {
        expect(await askSkill(skill, question)).not.toBe("");
      }),
      { numRuns: 40 },
    );
  });

  it("leaves nothing behind in its folder, which the digest covers", async () => {
    await askSkill(skill, "1,2\n3,4");
    const seen = execFileSync("find", [`skills/bundled/${skill}`, "-name", "*.pyc"]);
    expect(seen.toString()).toBe("");
  });
});
