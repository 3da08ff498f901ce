import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openAuditFile } from "../../../sandbox/audit/audit-file.ts";
import { openFileSink } from "../../../sandbox/audit/file-sink.ts";
import type { AuditSink } from "../../../sandbox/audit/trail.ts";
import { smallDisk } from "../../fakes/small-disk.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const opened: AuditSink[] = [];
afterEach(async () => {
  for (const sink of opened.splice(0)) await sink.close();
});

const openAt = async (path: () => string, warn: () => void = () => {}): Promise<AuditSink> => {
  const lossLine = (count: number) => JSON.stringify({ event: "dropped", dropped: count });
  const sink = await openFileSink({ path, lossLine, log: { warn } });
  opened.push(sink);
  return sink;
};

const linesOf = (file: string): string[] => readFileSync(file, "utf8").split("\n").slice(0, -1);

describe("the audit file", () => {
  const folder = temporaryFolder();
  const file = () => join(folder.path, "audit.jsonl");

  it("has every line on disk once it is flushed, in order, for us alone", async () => {
    const sink = await openAt(file);
    const lines = Array.from({ length: 5_000 }, (_, index) => `{"n":${index}}`);
    for (const line of lines) sink.write(line);
    await sink.flush();
    expect(linesOf(file())).toEqual(lines);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(sink.dropped).toBe(0);
  });

  it("goes on where an earlier process stopped", async () => {
    writeFileSync(file(), '{"n":1}\n');
    const sink = await openAt(file);
    sink.write('{"n":2}');
    await sink.flush();
    expect(linesOf(file())).toEqual(['{"n":1}', '{"n":2}']);
  });

  it("starts on a line of its own where a crash cut the last one", async () => {
    writeFileSync(file(), '{"n":1}\n{"n":2,"te');
    const sink = await openAt(file);
    sink.write('{"n":3}');
    await sink.flush();
    expect(linesOf(file())).toEqual(['{"n":1}', '{"n":2,"te', '{"n":3}']);
  });

  it("shares a file with other processes, line by line", async () => {
    const [one, two] = [await openAt(file), await openAt(file)];
    for (let index = 0; index < 500; index++) {
      one.write(`{"from":1,"text":"${"a".repeat(300)}"}`);
      two.write(`{"from":2,"text":"${"b".repeat(300)}"}`);
    }
    await Promise.all([one.flush(), two.flush()]);
    const froms = linesOf(file()).map((line) => JSON.parse(line).from);
    expect(froms.filter((from) => from === 1)).toHaveLength(500);
    expect(froms.filter((from) => from === 2)).toHaveLength(500);
  });

  it("makes a new one when it was moved away", async () => {
    const sink = await openAt(file);
    sink.write("1");
    await sink.flush();
    renameSync(file(), `${file()}.1`);
    sink.write("2");
    await sink.flush();
    expect([linesOf(`${file()}.1`), linesOf(file())]).toEqual([["1"], ["2"]]);
  });

  it("follows its path, so that a date in it begins a new file", async () => {
    let now = new Date("2026-01-31T23:59:59Z");
    const log = { warn: () => {} };
    const sink = await openAuditFile({ place: { folder: folder.path }, log, now: () => now });
    opened.push(sink);
    sink.write("1");
    await sink.flush();
    now = new Date("2026-02-01T00:00:00Z");
    sink.write("2");
    await sink.flush();
    expect(readdirSync(folder.path)).toEqual(["audit-2026-01-31.jsonl", "audit-2026-02-01.jsonl"]);
  });

  it("is not opened through a link: it may lead to another file", async () => {
    symlinkSync("/etc/passwd", file());
    await expect(openAt(file)).rejects.toThrow(/cannot open the audit file .*ELOOP/);
  });

  it("must be there before anything runs", async () => {
    mkdirSync(file());
    await expect(openAt(file)).rejects.toThrow(/cannot open the audit file .*EISDIR/);
  });

  it("keeps what came while it could not be opened again, and says so once", async () => {
    const warn = vi.fn();
    let path = file();
    const sink = await openAt(() => path, warn);
    writeFileSync(join(folder.path, "not-a-folder"), "");
    path = join(folder.path, "not-a-folder", "audit.jsonl");
    sink.write("1");
    await expect(sink.flush()).rejects.toThrow(/the audit file is not written: (ENOTDIR|EEXIST)/);
    await expect(sink.flush()).rejects.toThrow(/the audit file is not written/);
    path = file();
    sink.write("2");
    await sink.flush();
    expect(linesOf(file())).toEqual(["1", "2"]);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it("counts what comes after it was closed", async () => {
    const sink = await openAt(file);
    await sink.close();
    await sink.close();
    sink.write("late");
    expect(sink.dropped).toBe(1);
    expect(linesOf(file())).toEqual([]);
  });

  it("leaves the permissions of a file that was there to whoever set them", async () => {
    writeFileSync(file(), "");
    chmodSync(file(), 0o640);
    await openAt(file);
    expect(statSync(file()).mode & 0o777).toBe(0o640);
  });
});

describe("the audit file on a full disk", () => {
  const disk = smallDisk(8 << 20);
  const line = (index: number) => JSON.stringify({ index, text: "x".repeat(1000) });

  it("keeps a bounded part, counts the rest, and writes the count when there is space", async (context) => {
    disk.need(context);
    const file = join(disk.path, "audit.jsonl");
    const sink = await openAt(() => file);
    sink.write(line(-1));
    await sink.flush();
    disk.fill();
    const written = 40_000; // 40 MB: more than may wait in memory
    for (let index = 0; index < written; index++) sink.write(line(index));
    await expect(sink.flush()).rejects.toThrow(/ENOSPC/);
    expect(sink.dropped).toBeGreaterThan(20_000);
    disk.free();
    const moved = `${file}.1`;
    renameSync(file, moved);
    // What waited is more than this disk takes: the rest of it goes on waiting.
    await sink.flush().catch(() => {});
    const whole = [...linesOf(moved), ...linesOf(file)].filter((text) => text.endsWith("}"));
    const records = whole.map((text) => JSON.parse(text));
    expect(records).toContainEqual({ event: "dropped", dropped: sink.dropped });
    const indexes = records.flatMap(({ index }) => index ?? []);
    expect(indexes).toEqual(indexes.map((_, place) => place - 1));
  });

  it("has no line twice and at most one cut one for each time it was full", async (context) => {
    disk.need(context);
    const file = join(disk.path, "audit.jsonl");
    const sink = await openAt(() => file);
    disk.fill();
    for (let index = 0; index < 100; index++) sink.write(line(index));
    await expect(sink.flush()).rejects.toThrow(/ENOSPC/);
    disk.free();
    await sink.flush();
    const lines = linesOf(file);
    const broken = lines.filter((text) => !text.endsWith("}"));
    expect(broken.length).toBeLessThanOrEqual(1);
    const whole = lines.filter((text) => text.endsWith("}")).map((text) => JSON.parse(text).index);
    expect(whole).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });
});
