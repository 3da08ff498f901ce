import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { collectOutputs } from "../../sandbox/outputs.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";

const folder = temporaryFolder();
let home: string;
beforeEach(() => {
  home = folder.path;
});

const write = (path: string, bytes: string | Buffer = path) => {
  const file = join(home, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, bytes);
};
const LIMITS = { files: 100, entries: 200, depth: 4, bytes: 10_000 };
const collect = async (limits: Partial<typeof LIMITS> = {}) => {
  const { files, ...rest } = await collectOutputs(home, "out", { ...LIMITS, ...limits });
  return { paths: files.map(({ path }) => path), files, ...rest };
};

describe("outputs", () => {
  it("are the files below the folder, in order, byte for byte", async () => {
    const bytes = Buffer.from([0, 255, 10]);
    write("out/b/c.bin", bytes);
    write("out/a.txt", "a");
    write("beside.txt");
    const { files, isTruncated, skipped } = await collect();
    expect(files).toEqual([
      { path: "out/a.txt", bytes: Buffer.from("a") },
      { path: "out/b/c.bin", bytes },
    ]);
    expect([isTruncated, skipped]).toEqual([false, 0]);
  });

  it("are none where there is no folder", async () => {
    expect(await collect()).toEqual({ paths: [], files: [], isTruncated: false, skipped: 0 });
  });

  it("are none when the job put a link or a file in the folder's place", async () => {
    mkdirSync(join(home, "elsewhere"));
    write("elsewhere/secret");
    symlinkSync("elsewhere", join(home, "out"));
    expect((await collect()).paths).toEqual([]);
    write("file", "x");
    expect((await collectOutputs(home, "file")).files).toEqual([]);
  });

  it("leave out links to files and folders of the host, and count them", async () => {
    mkdirSync(join(home, "out"));
    symlinkSync("/etc/passwd", join(home, "out/passwd"));
    symlinkSync("/etc", join(home, "out/etc"));
    symlinkSync("nowhere", join(home, "out/dangling"));
    symlinkSync(".", join(home, "out/loop"));
    write("out/kept");
    expect(await collect()).toMatchObject({ paths: ["out/kept"], skipped: 4, isTruncated: false });
  });

  it("leave out a file that has a second name", async () => {
    write("secret");
    mkdirSync(join(home, "out"));
    linkSync(join(home, "secret"), join(home, "out/secret"));
    expect(await collect()).toMatchObject({ paths: [], skipped: 1 });
  });

  it("leave out pipes and sockets without waiting for their other end", async () => {
    mkdirSync(join(home, "out"));
    execFileSync("/usr/bin/mkfifo", [join(home, "out/pipe")]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(home, "out/socket"), resolve));
    try {
      expect(await collect()).toMatchObject({ paths: [], skipped: 2 });
    } finally {
      server.close();
    }
  });

  it.skipIf(process.getuid?.() !== 0)("leave out device files", async () => {
    mkdirSync(join(home, "out"));
    execFileSync("/usr/bin/mknod", [join(home, "out/zero"), "c", "1", "5"]);
    expect(await collect()).toMatchObject({ paths: [], skipped: 1 });
  });

  it("never hold half a file: one that does not fit is left out, and said", async () => {
    write("out/a", Buffer.alloc(6_000));
    write("out/b", Buffer.alloc(6_000));
    write("out/c", Buffer.alloc(4_000));
    expect(await collect()).toMatchObject({ paths: ["out/a", "out/c"], isTruncated: true });
  });

  it("take exactly as many bytes as are allowed", async () => {
    write("out/a", Buffer.alloc(10_000));
    write("out/empty", "");
    expect(await collect()).toMatchObject({ paths: ["out/a", "out/empty"], isTruncated: false });
    write("out/b", "x");
    expect(await collect()).toMatchObject({ paths: ["out/a", "out/empty"], isTruncated: true });
  });

  it("are not blown up by a sparse file, however long it says it is", async () => {
    write("out/sparse", "");
    truncateSync(join(home, "out/sparse"), 2 ** 40);
    write("out/small");
    expect(await collect()).toMatchObject({ paths: ["out/small"], isTruncated: true });
  });

  it("stop at the number of files, of entries and of folders in folders", async () => {
    for (let index = 0; index < 20; index++) write(`out/${index}`);
    expect(await collect({ files: 20 })).toMatchObject({ isTruncated: false });
    expect((await collect({ files: 19 })).paths).toHaveLength(19);
    expect(await collect({ files: 19 })).toMatchObject({ isTruncated: true });
    expect((await collect({ entries: 7 })).paths).toHaveLength(7);
    expect(await collect({ entries: 7 })).toMatchObject({ isTruncated: true });
    write("out/1d/2/3/4/deep");
    expect((await collect({ depth: 4 })).paths).toContain("out/1d/2/3/4/deep");
    const shallow = await collect({ depth: 3 });
    expect(shallow.paths).not.toContain("out/1d/2/3/4/deep");
    expect(shallow.isTruncated).toBe(true);
  });

  it("have names from which every byte can be told, and none that acts on a reader", async () => {
    mkdirSync(join(home, "out"));
    const name = (bytes: number[]) =>
      Buffer.concat([Buffer.from(`${home}/out/`), Buffer.from(bytes)]);
    writeFileSync(name([0xff, 0x41]), "");
    writeFileSync(name([0x5c, 0x78, 0x66, 0x66]), "");
    writeFileSync(name([0x0a]), "");
    writeFileSync(name([0xef, 0xbb, 0xbf]), "");
    writeFileSync(name([...Buffer.from("報告 é.txt")]), "");
    writeFileSync(name([...Buffer.from("..hidden")]), "");
    expect((await collect()).paths.sort()).toEqual(
      [
        "out/\\xffA",
        "out/\\x5cxff",
        "out/\\x0a",
        "out/\\xef\\xbb\\xbf",
        "out/報告 é.txt",
        "out/..hidden",
      ].sort(),
    );
  });

  it("never share a path between two files, whatever bytes their names are made of", async () => {
    const byte = fc.constantFrom(
      0x41,
      0x5c,
      0x78,
      0x66,
      0x0a,
      0x7f,
      0x80,
      0xc3,
      0xa9,
      0xef,
      0xbb,
      0xbf,
      0xff,
      0x2e,
    );
    const names = fc.uniqueArray(
      fc
        .array(byte, { minLength: 1, maxLength: 6 })
        .map((bytes) => Buffer.from(bytes).toString("latin1"))
        .filter((name) => name !== "." && name !== ".."),
      { minLength: 1, maxLength: 8 },
    );
    let round = 0;
    await fc.assert(
      fc.asyncProperty(names, async (list) => {
        home = join(folder.path, String(round++));
        mkdirSync(join(home, "out"), { recursive: true });
        for (const name of list) {
          writeFileSync(
            Buffer.concat([Buffer.from(`${home}/out/`), Buffer.from(name, "latin1")]),
            name,
          );
        }
        const { files } = await collect();
        expect(new Set(files.map(({ path }) => path)).size).toBe(list.length);
        for (const { path } of files) expect(path).toMatch(/^out\/[^\p{C}/]+$/u);
      }),
      { numRuns: 50 },
    );
  });
});
