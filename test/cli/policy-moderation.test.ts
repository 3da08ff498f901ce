import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { moderateLines } from "../../cli/policy-moderation.ts";
import { createIo } from "./captured-io.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "policy-"));
  const terms = [
    { id: "T01", term: "毒品", lang: "zh", category: "drugs", action: "block", pinyin: true },
    { id: "T02", term: "casino", lang: "en", category: "gambling", action: "review" },
  ];
  writeFileSync(join(folder, "words.json"), JSON.stringify({ terms }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = async (options: Parameters<typeof moderateLines>[1], input: string | Buffer) => {
  const { io, out, err } = createIo(folder);
  // In small pieces, so that lines and characters lie across them.
  const bytes = Buffer.from(input);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 5) }, (_, at) =>
    bytes.subarray(at * 5, at * 5 + 5),
  );
  const code = await moderateLines(io, options, Readable.from(pieces));
  return { code, out: out(), err: err() };
};

describe("clawgate policy moderation", () => {
  it("answers each line with its action and the terms in order, once each", async () => {
    const lines = [
      '{"id":"a","text":"casino 有毒.品, Casino"}',
      '{"id":2,"text":"hello\u2028there"}',
      "",
    ].join("\n");
    expect(await run({ lexicon: "words.json" }, lines)).toEqual({
      code: 0,
      out: '{"id":"a","action":"block","hits":["T02","T01"]}\n{"id":2,"action":"allow","hits":[]}\n',
      err: "",
    });
  });

  it("names bad lines by their number, answers the others and ends with 2", async () => {
    const lines = Buffer.concat([
      Buffer.from('{"id":"a","text":"du pin"}\r\nnope\n\n{"id":"b"}\n'),
      Buffer.from([0xff, 0x0a]),
      Buffer.from('{"id":"c","text":"ok"}'),
    ]);
    const { code, out, err } = await run({ lexicon: "words.json" }, lines);
    expect(code).toBe(2);
    expect(out.trim().split("\n")).toEqual([
      '{"id":"a","action":"block","hits":["T01"]}',
      '{"id":"c","action":"allow","hits":[]}',
    ]);
    expect(err).toMatch(/line 2 .*no JSON[\s\S]*line 4 .*"text"[\s\S]*line 5 .*UTF-8/);
  });

  it("reads the lexicons of the settings' tenant", async () => {
    const settings = {
      multi_tenant: {
        enabled: true,
        tenants: [
          { id: "one", name: "One", lexicons: ["words"] },
          { id: "two", name: "Two" },
        ],
      },
      moderation: { lexicons: [{ name: "words", file: "words.json" }] },
    };
    writeFileSync(join(folder, "settings.json"), JSON.stringify(settings));
    const line = '{"id":"a","text":"毒品"}\n';
    const of = (tenant?: string) => run({ settings: "settings.json", tenant }, line);
    expect((await of("one")).out).toBe('{"id":"a","action":"block","hits":["T01"]}\n');
    expect(await of("two")).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/two has no lexicons/),
    });
    expect(await of()).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--tenant ID.*one, two/),
    });
    expect(await of("none")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no tenant "none"/),
    });
  });

  it("refuses to run without terms, or with a list that is wrong", async () => {
    expect(await run({}, "")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--lexicon FILE/),
    });
    expect(await run({ lexicon: "gone.json" }, "")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/gone\.json\n {2}no such file/),
    });
  });
});
