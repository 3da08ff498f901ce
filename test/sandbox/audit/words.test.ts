import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commandLine, cut, cutAndMask } from "../../../sandbox/audit/words.ts";

describe("a command line in the record", () => {
  it("shows where each argument begins and ends", () => {
    expect(commandLine(["cp", "a b", "it's", "", "--x=1"], 100)).toBe(
      String.raw`cp 'a b' 'it'\''s' '' --x=1`,
    );
  });

  it.each([
    [["curl", "-H", "Authorization: Bearer abcdef0123456789"], "abcdef0123456789"],
    [["curl", "-u", "me:s3cret"], "s3cret"],
    [["curl", "https://me:s3cret@example.com/"], "s3cret"],
    [["psql", "--password", "s3cret"], "s3cret"],
    [["tool", "--api-key=s3cret"], "s3cret"],
    [["tool", "OPENAI_API_KEY=s3cret"], "s3cret"],
    [["tool", `{"token": "s3cret"}`], "s3cret"],
    [["echo", "sk-abcdefghijklmnopqrstuvwx"], "sk-abc"],
    [["echo", "ghp_abcdefghijklmnopqrstuvwxyz0123"], "ghp_"],
    [["echo", "xoxb-1234567890-abcdefg"], "xoxb"],
    [["echo", "AKIAIOSFODNN7EXAMPLE"], "AKIA"],
    [["echo", "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl"], "eyJ"],
  ])("masks the secret in %j", (argv, secret) => {
    const line = commandLine(argv, 1000);
    expect(line).toContain("***");
    expect(line).not.toContain(secret);
  });

  it.each([
    [["rm", "-rf", "/tmp/tokens"]],
    [["python3", "/app/count_tokens.py", "--max-tokens=100"]],
    [["tar", "-czf", "out.tgz", "passwords-howto"]],
  ])("leaves %j as it is", (argv) => {
    expect(commandLine(argv, 1000)).toBe(argv.join(" "));
  });

  it("is cut where it is too long, and says so", () => {
    expect(commandLine(["a", "b".repeat(50), "c"], 10)).toBe(
      "a bbbbbbbb [cut: 42 more] [cut: 1 more words]",
    );
    expect(commandLine(Array(100_000).fill("x"), 100).length).toBeLessThan(200);
  });

  it("has no half of a surrogate pair, wherever it was cut", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, fc.nat(20), (word, max) => {
        expect(cut(word, max).isWellFormed()).toBe(true);
        expect(commandLine([word, word], max).isWellFormed()).toBe(true);
      }),
    );
    expect(cutAndMask("\ud800", 10)).toBe("\ufffd");
  });
});
