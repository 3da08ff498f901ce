import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyError } from "../../../core/keys/errors.ts";
import { createKeyFile } from "../../../core/keys/key-file.ts";
import { makeMasterKey, renderMasterKeys } from "../../../core/keys/master-keys.ts";
import { createPrivateFile } from "../../../core/keys/private-file.ts";
import { takeFileLock } from "../../../core/store/file-lock.ts";
import { smallDisk } from "../../fakes/small-disk.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const path = () => join(folder.path, "data", "master.key");
const now = () => new Date("2026-03-01T00:00:00Z");
const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);
const isRoot = process.getuid?.() === 0;

const CONTEXT = { tenantId: "sales", version: 1 };
const KEY = Buffer.alloc(32, 7);

const made = async () => {
  const keys = createKeyFile(path(), now);
  await keys.initialize();
  return keys;
};

const keysIn = (file: string): { id: string; key: string; created_at: string }[] =>
  JSON.parse(readFileSync(file, "utf8")).keys;

describe("a key file", () => {
  it("is made once, readable by its owner only, in a folder that is so too", async () => {
    await made();
    const text = readFileSync(path(), "utf8");
    await made();
    expect(readFileSync(path(), "utf8")).toBe(text);
    expect([modeOf(path()), modeOf(join(folder.path, "data"))]).toEqual(["600", "700"]);
    expect(readdirSync(join(folder.path, "data"))).toEqual(["master.key"]);
  });

  it("is left as it is by a process that was second to make it", async () => {
    await made();
    const text = readFileSync(path(), "utf8");
    createPrivateFile(path(), "another key");
    expect(readFileSync(path(), "utf8")).toBe(text);
    expect(readdirSync(join(folder.path, "data"))).toEqual(["master.key"]);
  });

  it("gives back what it wrapped, for the same tenant and version only", async () => {
    const keys = await made();
    const wrapped = await keys.wrap(CONTEXT, KEY);
    expect(wrapped.masterId).toBe(await keys.currentId());
    expect(await keys.unwrap(CONTEXT, wrapped)).toEqual(KEY);
    for (const other of [
      { ...CONTEXT, tenantId: "legal" },
      { ...CONTEXT, version: 2 },
    ]) {
      await expect(keys.unwrap(other, wrapped)).rejects.toThrow(KeyError);
    }
  });

  it("unwraps nothing of which a bit was changed", async () => {
    const keys = await made();
    const { wrapped, masterId } = await keys.wrap(CONTEXT, KEY);
    await fc.assert(
      fc.asyncProperty(fc.nat(wrapped.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(wrapped);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        await expect(keys.unwrap(CONTEXT, { wrapped: changed, masterId })).rejects.toThrow(
          KeyError,
        );
      }),
    );
    const cut = { wrapped: wrapped.subarray(0, 20), masterId };
    await expect(keys.unwrap(CONTEXT, cut)).rejects.toThrow(KeyError);
  });

  it.each([0o640, 0o604, 0o660, 0o644])("is refused when others may read it (%o)", async (mode) => {
    const keys = await made();
    chmodSync(path(), mode);
    await expect(keys.initialize()).rejects.toThrow(`chmod 600 ${path()}`);
    await expect(createKeyFile(path(), now).currentId()).rejects.toThrow(/is open to others/);
  });

  const damages: readonly (readonly [string, (text: string) => string])[] = [
    ["empty", () => ""],
    ["cut", (text) => text.slice(0, 100)],
    ["no JSON", () => "-----BEGIN PRIVATE KEY-----\n"],
    ["JSON of something else", () => '{"keys":[]}'],
    ["without a key", (text) => text.replace(/"keys": \[[^\]]*\]/, '"keys": []')],
    ["of a newer format", (text) => text.replace("keys-1", "keys-2")],
    [
      "garbled in a key",
      (text) => text.replace(/"key": "(.)/, (all, c) => all.slice(0, -1) + (c === "A" ? "B" : "A")),
    ],
    ["with a key that is too short", (text) => text.replace(/"key": "[^"]*"/, '"key": "AAAA"')],
    ["with another id", (text) => text.replace(/"id": "[^"]*"/, '"id": "0123456789abcdef"')],
    [
      "with a key twice",
      (text) => {
        const content = JSON.parse(text);
        return JSON.stringify({ ...content, keys: [...content.keys, ...content.keys] });
      },
    ],
    ["endless", (text) => text + " ".repeat(70_000)],
  ];
  it.each(damages)("that is %s is an error, and no key is made over it", async (_name, damage) => {
    const keys = await made();
    const secret = keysIn(path())[0]?.key ?? "";
    const damaged = damage(readFileSync(path(), "utf8"));
    writeFileSync(path(), damaged);
    for (const attempt of [keys.initialize, keys.currentId, keys.rotate]) {
      const error = await attempt().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(KeyError);
      expect(String(error)).toContain(path());
      expect(String(error)).not.toContain(secret.slice(0, 8));
    }
    expect(readFileSync(path(), "utf8")).toBe(damaged);
  });

  it("is refused when it is a folder", async () => {
    mkdirSync(path(), { recursive: true, mode: 0o700 });
    await expect(made()).rejects.toThrow(/is not a regular file/);
  });

  it("says which place cannot be written, and what to do", async () => {
    const keys = createKeyFile(join(folder.path, "no", "such", "master.key"), now);
    await expect(keys.initialize()).rejects.toThrow(/ENOENT.*set storage\.key_file to a place/);
  });

  it.runIf(isRoot)("belongs to whom it belonged after root has rotated it", async () => {
    const keys = await made();
    chownSync(path(), 4711, 4712);
    await keys.rotate();
    for (const file of [path(), `${path()}.lock`]) {
      expect(statSync(file)).toMatchObject({ uid: 4711, gid: 4712 });
    }
    expect(modeOf(path())).toBe("600");
  });
});

describe("a key file on a full disk", () => {
  const disk = smallDisk(256 * 1024);

  it("stays as it is, with nothing beside it that holds a key, and is rotated when there is room", async (context) => {
    disk.need(context);
    const file = join(disk.path, "master.key");
    const keys = createKeyFile(file, now);
    await keys.initialize();
    const wrapped = await keys.wrap(CONTEXT, KEY);
    disk.fill();
    await expect(keys.rotate()).rejects.toThrow(
      /^cannot write key file .*ENOSPC\); make room on its disk/,
    );
    expect(await keys.currentId()).toBe(wrapped.masterId);
    expect(readdirSync(disk.path).filter((name) => name.startsWith("master.key"))).toEqual([
      "master.key",
      "master.key.lock",
    ]);
    disk.free();
    await keys.rotate();
    expect(await keys.unwrap(CONTEXT, wrapped)).toEqual(KEY);
  });
});

describe("a rotated key file", () => {
  it("wraps with the new key and unwraps with the old ones, in every process", async () => {
    const keys = await made();
    const other = createKeyFile(path(), now);
    const before = await keys.wrap(CONTEXT, KEY);
    await other.unwrap(CONTEXT, before);
    const id = await keys.rotate();
    expect(id).not.toBe(before.masterId);
    // The other process learns of it where it meets the new key, and before it wraps.
    const after = await keys.wrap(CONTEXT, KEY);
    expect(after.masterId).toBe(id);
    expect(await other.unwrap(CONTEXT, after)).toEqual(KEY);
    expect(await other.unwrap(CONTEXT, before)).toEqual(KEY);
    expect((await createKeyFile(path(), now).wrap(CONTEXT, KEY)).masterId).toBe(id);
    expect(keysIn(path()).map((key) => key.id)).toEqual([id, before.masterId]);
    expect(modeOf(path())).toBe("600");
  });

  it("is one that a killed rotation left its draft beside", async () => {
    const keys = await made();
    writeFileSync(`${path()}.next`, "half a fi", { mode: 0o600 });
    const id = await keys.rotate();
    expect(await keys.currentId()).toBe(id);
    expect(keysIn(path())).toHaveLength(2);
    expect(readdirSync(join(folder.path, "data"))).toEqual(["master.key", "master.key.lock"]);
  });

  it("loses no key when two processes rotate at once: the second is told to wait", async () => {
    const keys = await made();
    const lock = takeFileLock(`${path()}.lock`);
    await expect(keys.rotate()).rejects.toThrow(/is being changed by another process/);
    expect(keysIn(path())).toHaveLength(1);
    lock?.release();
    await keys.rotate();
    expect(keysIn(path())).toHaveLength(2);
  });

  it("never grows beyond what can be read again", async () => {
    const keys = await made();
    const many = Array.from({ length: 430 }, () => makeMasterKey(now()));
    while (Buffer.byteLength(renderMasterKeys(many)) > 64 * 1024) many.pop();
    writeFileSync(path(), renderMasterKeys(many));
    await expect(keys.rotate()).rejects.toThrow(/is full: remove the oldest keys/);
    expect(await keys.currentId()).toBe(many[0]?.id);
  });

  it("is what a symbolic link leads to", async () => {
    await made();
    const link = join(folder.path, "link.key");
    symlinkSync(path(), link);
    const id = await createKeyFile(link, now).rotate();
    expect(keysIn(path())[0]?.id).toBe(id);
    expect(await createKeyFile(link, now).currentId()).toBe(id);
  });

  it("cannot be one that is not there", async () => {
    await expect(createKeyFile(path(), now).rotate()).rejects.toThrow(/does not exist/);
    expect(() => readFileSync(path())).toThrow(/ENOENT/);
  });
});
