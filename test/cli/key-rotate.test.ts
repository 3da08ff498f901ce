import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { registerKey } from "../../cli/key.ts";
import { createContentCipher } from "../../core/keys/content-cipher.ts";
import { createKeyFile } from "../../core/keys/key-file.ts";
import { openStore } from "../../core/store/open-store.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { createWorkspace } from "../config/workspace.ts";
import { createIo } from "./captured-io.ts";

const now = () => new Date("2026-03-01T00:00:00Z");
const sales = tenantScope("sales");

/** A folder with settings and a store in which a tenant has sealed something. */
const createGateway = async () => {
  const cwd = createWorkspace({ "settings.json": '{"storage": {"key_file": "keys/master.key"}}' });
  const file = join(cwd, "keys", "master.key");
  const withCipher = async <T>(
    work: (cipher: Awaited<ReturnType<typeof createContentCipher>>) => Promise<T>,
  ): Promise<T> => {
    const store = await openStore({ url: `file:${join(cwd, "data")}` });
    try {
      const keys = createKeyFile(file, now);
      return await work(await createContentCipher({ store, keys, now, log: { error: () => {} } }));
    } finally {
      await store.close();
    }
  };
  const sealed = await withCipher(async (cipher) =>
    (await cipher.of(sales)).seal("place", Buffer.from("hello")),
  );
  const read = () =>
    withCipher(async (cipher) => String(await cipher.open(sales, "place", sealed)));
  return { cwd, file, read };
};

const run = async (cwd: string, ...words: string[]) => {
  const { io, out } = createIo(cwd);
  const codes: number[] = [];
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  registerKey(program, io, (code) => codes.push(code));
  await program.parseAsync(["key", "rotate", ...words], { from: "user" });
  return { codes, out: out() };
};

const idsIn = (file: string): string[] =>
  JSON.parse(readFileSync(file, "utf8")).keys.map((key: { id: string }) => key.id);

describe("key rotate", () => {
  it("adds a master key, re-wraps with it, and says so", async () => {
    const { cwd, file, read } = await createGateway();
    const [old] = idsIn(file);
    const { codes, out } = await run(cwd);
    const [current, ...older] = idsIn(file);
    expect(codes).toEqual([0]);
    expect(older).toEqual([old]);
    expect(out.split("\n")).toEqual([
      `master key ${current} added to key file ${file}; the older ones stay in it: they open backups`,
      "2 data keys re-wrapped",
      "",
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await read()).toBe("hello");
    // Nothing needs the old key any more.
    const content = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...content, keys: content.keys.slice(0, 1) }));
    expect(await read()).toBe("hello");
  });

  it("can be done in two steps, with the file carried to other hosts between them", async () => {
    const { cwd, file, read } = await createGateway();
    const added = await run(cwd, "--step", "add");
    expect(added.out).toContain("put this file on every host");
    expect(await read()).toBe("hello");
    const { codes, out } = await run(cwd, "--step", "rewrap", "--json");
    expect(codes).toEqual([0]);
    expect(JSON.parse(out)).toEqual({
      ok: true,
      key_file: file,
      master_id: idsIn(file)[0],
      rewrapped: 2,
      failures: [],
    });
  });

  it("answers 1 and names the data keys whose master key is gone", async () => {
    const { cwd, file } = await createGateway();
    const [old] = idsIn(file);
    rmSync(file);
    await createKeyFile(file, now).initialize();
    const { codes, out } = await run(cwd);
    expect(codes).toEqual([1]);
    expect(out.match(/NOT re-wrapped: .*/g)).toEqual(
      Array(2).fill(expect.stringContaining(`needs ${old}`)),
    );
  });

  it("makes no key file where there is none", async () => {
    const { cwd, file } = await createGateway();
    rmSync(file);
    await expect(run(cwd)).rejects.toThrow(`key file ${file} does not exist`);
    expect(() => readFileSync(file)).toThrow(/ENOENT/);
  });

  it("knows no other step", async () => {
    const { cwd, file } = await createGateway();
    await expect(run(cwd, "--step", "prune")).rejects.toThrow(/add, rewrap/);
    expect(idsIn(file)).toHaveLength(1);
  });
});
