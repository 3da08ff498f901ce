import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
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

it.each(["clawgate.db", "clawgate.db-wal", "clawgate.db-shm"])(
  "acknowledges nothing any more once %s is deleted under it",
  async (name) => {
    const store = await openSqliteStore(folder.path);
    await store.write("intake", async () => {});
    rmSync(join(folder.path, name));
    const lost = /clawgate\.db.* was removed or replaced while in use.*nothing more is done/;
    await expect(store.write("intake", async () => {})).rejects.toThrow(lost);
    await expect(store.read("intake", async () => {})).rejects.toThrow(lost);
    await store.close();
  },
);

it("acknowledges nothing any more once a backup is put in the place of its database", async () => {
  const store = await openSqliteStore(folder.path);
  await store.write("intake", async () => {});
  const file = join(folder.path, "clawgate.db");
  copyFileSync(file, `${file}.backup`);
  renameSync(`${file}.backup`, file);
  await expect(store.write("intake", async () => {})).rejects.toThrow("removed or replaced");
  await store.close();
});

it("is called damaged where pages of its database are", async () => {
  await (await openSqliteStore(folder.path)).close();
  const file = join(folder.path, "clawgate.db");
  const database = openSqlite(file);
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
  // Elsewhere, as libsql keeps a closed file open until it is collected.
  const damaged = join(folder.path, "damaged");
  mkdirSync(damaged);
  writeFileSync(join(damaged, "clawgate.db"), readFileSync(file).fill(0xa5, 4_096));
  await expect(openSqliteStore(damaged)).rejects.toThrow(
    /^store: cannot open .*clawgate\.db: .*damaged, so put back its folder from a backup$/,
  );
});
