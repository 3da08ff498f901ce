import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createTrees } from "../../sandbox/trees.ts";
import { eventually } from "../fakes/eventually.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { openTestSandbox } from "./sandbox-fixture.ts";

const temporary = temporaryFolder();

const treeOf = (digest: string, files: Readonly<Record<string, string>>) => ({
  digest,
  files: new Map(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)])),
});

const setUp = () => {
  const clock = { ms: 0, now: () => clock.ms };
  const trees = createTrees(
    {
      createFolder: (name) => {
        const folder = join(temporary.path, name);
        mkdirSync(folder, { mode: 0o700 });
        return folder;
      },
    },
    clock,
  );
  const borrow = (...borrowed: ReturnType<typeof treeOf>[]) =>
    trees.borrow(new Map(borrowed.map((tree) => [`/${tree.digest}`, tree])));
  return { clock, borrow };
};

const SMALL = treeOf("d1", { "run.sh": "a", "lib/deep/x.py": "b" });

describe("a tree", () => {
  it("is laid down for everybody to read, in one place for all who have it", async () => {
    const { borrow } = setUp();
    const umask = process.umask(0o077);
    const [one, other] = await Promise.all([borrow(SMALL), borrow(SMALL)]).finally(() =>
      process.umask(umask),
    );
    const folder = one.folders.get("/d1") ?? "";
    expect(other.folders.get("/d1")).toBe(folder);
    expect(readFileSync(join(folder, "lib/deep/x.py"), "utf8")).toBe("b");
    for (const path of [".", "run.sh", "lib", "lib/deep/x.py"]) {
      expect(statSync(join(folder, path)).mode & 0o777).toBe(0o755);
    }
  });

  it("stays while somebody has it and some minutes longer, and goes then", async () => {
    const { borrow, clock } = setUp();
    const [mine, theirs] = [await borrow(SMALL), await borrow(SMALL)];
    const folder = mine.folders.get("/d1") ?? "";
    mine.giveBack();
    mine.giveBack(); // twice is once
    clock.ms += 3_600_000;
    (await borrow(treeOf("d2", { a: "" }))).giveBack();
    expect(existsSync(folder)).toBe(true);
    theirs.giveBack();
    clock.ms += 3_600_000;
    (await borrow(treeOf("d2", { a: "" }))).giveBack();
    await eventually(() => expect(existsSync(folder)).toBe(false));
    expect((await borrow(SMALL)).folders.get("/d1")).not.toBe(folder);
  });

  it("that cannot be laid down leaves nothing, and is tried again", async () => {
    const { borrow } = setUp();
    const impossible = treeOf("d3", { a: "", "a/b": "" });
    for (const _ of [1, 2]) await expect(borrow(impossible)).rejects.toThrow();
    expect(readdirSync(temporary.path)).toEqual([]);
  });
});

describe.each(["bubblewrap", "gvisor"])("a job from a tree under %s", (engine) => {
  it("attack: rewriting what the next job runs", async () => {
    const opened = openTestSandbox(engine);
    try {
      const status = await opened.sandbox.status();
      if (!status.ok && process.env.CI !== "true") return console.warn(status.reason);
      const tree = treeOf("d4", {
        "scripts/run.py": `import os, word
print(word.WORD, os.access(__file__, os.W_OK), sorted(os.listdir("/app")))
try: open("/app/scripts/word.py", "w")
except OSError: print("refused")`,
        "scripts/word.py": "WORD = 'vetted'",
      });
      const request = {
        program: { kind: "file", path: "/app/scripts/run.py" },
        readonly: new Map(),
        trees: new Map([["/app", tree]]),
      } as const;
      for (const _ of [1, 2]) {
        const { verdict, stdout, detail } = await opened.run("python", "", { request });
        expect({ verdict, detail }).toEqual({ verdict: "ok", detail: undefined });
        expect(stdout.toString()).toBe("vetted False ['scripts']\nrefused\n");
      }
    } finally {
      await opened.close();
    }
  });
});
