import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inspectLines } from "../../cli/policy-dlp.ts";
import { createIo } from "./captured-io.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "clawgate-dlp-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = async (lines: readonly string[], options = {}) => {
  const { io, out, err } = createIo(folder);
  const code = await inspectLines(io, options, Readable.from([Buffer.from(lines.join("\n"))]));
  return { code, out: out().trim().split("\n"), err: err() };
};
const settings = (pattern: string): string => {
  const file = join(folder, "settings.json");
  const rules = [{ name: "staff_number", pattern, action: "block" }];
  writeFileSync(file, JSON.stringify({ enterprise: { data_loss_prevention: { rules } } }));
  return file;
};

describe("policy dlp", () => {
  it("judges each line with the built-in detectors", async () => {
    const lines = ['{"id":"a","text":"寄到 a@example.com"}', '{"id":2,"text":"hello"}'];
    expect(await run(lines)).toEqual({
      code: 0,
      out: [
        '{"id":"a","action":"redact","entities":[{"type":"email","start":3,"end":16}]}',
        '{"id":2,"action":"allow","entities":[]}',
      ],
      err: "",
    });
  });

  it("answers no line under another id than its own", async () => {
    const ids = ["12345678901234567890", "1e999", "-3", "1.5"];
    const { code, out, err } = await run(ids.map((id) => `{"id":${id},"text":""}`));
    expect([code, out.map((line) => JSON.parse(line).id)]).toEqual([2, [-3, 1.5]]);
    expect(err.match(/beyond 2\^53: give it as a string/g)).toHaveLength(2);
  });

  it("names a line that it cannot read and judges the others", async () => {
    const { code, out, err } = await run(['{"id":"a"}', '{"id":"b","text":"x"}']);
    expect(code).toBe(2);
    expect(out).toEqual(['{"id":"b","action":"allow","entities":[]}']);
    expect(err).toContain("line 1");
  });

  it("adds the rules of the settings", async () => {
    const options = { settings: settings("EMP-\\d{6}") };
    const { out } = await run(['{"id":"a","text":"of EMP-123456"}'], options);
    expect(out).toEqual([
      '{"id":"a","action":"block","entities":[{"type":"staff_number","start":3,"end":13}]}',
    ]);
  });

  it("does not start with a pattern that RE2 cannot express", async () => {
    await expect(run([], { settings: settings("(?=a)b") })).rejects.toThrow(
      /data_loss_prevention\.rules\[0\]\.pattern.*RE2 cannot express.*look-around/,
    );
  });

  it("does not judge for a tenant that does not exist", async () => {
    const options = { settings: settings("EMP-\\d{6}"), tenant: "nobody" };
    await expect(run([], options)).rejects.toThrow('no tenant "nobody"');
    await expect(run([], { tenant: "nobody" })).rejects.toThrow("--settings FILE");
  });
});
