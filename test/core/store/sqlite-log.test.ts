import { statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { openSqlite } from "../../../core/store/sqlite.ts";
import { openSqliteStore } from "../../../core/store/sqlite-store.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const fileHandle = async (): Promise<FileHandle> => {
  const handle = await open(import.meta.filename);
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
};
afterEach(() => vi.restoreAllMocks());

it("syncs its log for each durable write, and for no other", async () => {
  const datasync = vi.spyOn(await fileHandle(), "datasync");
  const store = await openSqliteStore(folder.path);
  datasync.mockClear();
  await store.note("intake", async () => {});
  expect(datasync).not.toHaveBeenCalled();
  await store.write("intake", async () => {});
  expect(datasync).toHaveBeenCalledTimes(1);
  await store.close();
});

it("refuses a write that the disk did not sync, and from then on reads, too", async () => {
  const store = await openSqliteStore(folder.path);
  vi.spyOn(await fileHandle(), "datasync").mockRejectedValue(new Error("EIO: i/o error"));
  await expect(store.write("intake", async () => {})).rejects.toThrow("the disk did not keep");
  await expect(store.read("intake", async () => {})).rejects.toThrow("the disk did not keep");
  await store.close();
});

it("keeps the log that it syncs, whatever other processes do with the database", async () => {
  const store = await openSqliteStore(folder.path);
  const log = join(folder.path, "clawgate.db-wal");
  const before = statSync(log).ino;
  const other = openSqlite(join(folder.path, "clawgate.db"));
  other.pragma("wal_checkpoint(TRUNCATE)");
  other.close();
  await store.write("intake", async () => {});
  expect(statSync(log).ino).toBe(before);
  await store.close();
});
