import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, type MockInstance, vi } from "vitest";
import { createContentCipher } from "../../../core/keys/content-cipher.ts";
import { KeyError } from "../../../core/keys/errors.ts";
import { createKeyFile } from "../../../core/keys/key-file.ts";
import type { KeyManagement } from "../../../core/keys/key-management.ts";
import { rewrapDataKeys } from "../../../core/keys/rewrap.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { describeStores, type StoreWorld } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const PLACE = "place";
const now = () => new Date("2026-03-01T00:00:00Z");
const log = { error: () => {} };
const fresh = tenantScope("fresh");
const folder = temporaryFolder();
const path = () => join(folder.path, "master.key");
const copy = () => join(folder.path, "copy.key");

const cipherOn = (store: Store, keys: KeyManagement = createKeyFile(path(), now)) =>
  createContentCipher({ store, keys, now, log });

/** Takes the older master keys out of the key file, as one does to make old backups unreadable. */
const forgetOlder = (): void => {
  const file = JSON.parse(readFileSync(path(), "utf8"));
  writeFileSync(path(), JSON.stringify({ ...file, keys: file.keys.slice(0, 1) }));
};

/** SQLite only: whether a transaction that writes is open. */
const isBeingWritten = ({ url }: StoreWorld): boolean => {
  const other = openSqlite(`${url.slice("file:".length)}/clawgate.db`, 0);
  try {
    other.prepare("BEGIN IMMEDIATE").run([]);
    other.prepare("ROLLBACK").run([]);
    return false;
  } catch {
    return true;
  } finally {
    other.close();
  }
};

describeStores("a data key that is made while the master key is changed", (world) => {
  beforeEach(() => cipherOn(world.store));
  afterEach(() => vi.restoreAllMocks());

  const mastersOf = async (tenantId: string) =>
    (await world.sql(`SELECT master_id FROM data_keys WHERE tenant_id = '${tenantId}'`)).map(
      (row) => row.master_id,
    );

  it("opens without the old one, which wrapped it a moment before the others were looked for", async () => {
    const { store } = world;
    const keys = createKeyFile(path(), now);
    let rotated: Promise<unknown> | undefined;
    /** Adds a master key and looks for what others wrap, until that is done or waits for somebody. */
    const rotate = async (): Promise<void> => {
      const later = createKeyFile(path(), now);
      await later.rotate();
      const writes = [vi.spyOn(store, "note"), vi.spyOn(store, "write")];
      let isDone = false;
      rotated = rewrapDataKeys(store, later).finally(() => {
        isDone = true;
      });
      while (!isDone && !(await isWaiting(writes))) await setImmediate();
    };
    const isWaiting = async (writes: readonly MockInstance[]): Promise<boolean> =>
      world.dialect === "sqlite"
        ? writes.some(({ mock }) => mock.calls.length > 0) && isBeingWritten(world)
        : (await world.sql("SELECT 1 FROM pg_locks WHERE NOT granted")).length > 0;
    const overtaken: KeyManagement = {
      ...keys,
      wrap: async (context, key) => {
        const wrapped = await keys.wrap(context, key);
        if (context.tenantId === "fresh" && !rotated) await rotate();
        return wrapped;
      },
    };
    const cipher = await cipherOn(store, overtaken);
    const sealed = (await cipher.of(fresh)).seal(PLACE, Buffer.from("hello"));
    expect(await rotated).toEqual({ count: 2, failures: [] });
    forgetOlder();
    const after = await cipherOn(await world.open());
    expect(String(await after.open(fresh, PLACE, sealed))).toBe("hello");
  });

  it("is not made with a copy of the key file from before, which knows the old one only", async () => {
    copyFileSync(path(), copy());
    const behind = await cipherOn(await world.open(), createKeyFile(copy(), now));
    (await (await cipherOn(world.store)).of(tenantScope("1st"))).seal(PLACE, Buffer.from("hello"));
    const keys = createKeyFile(path(), now);
    const current = await keys.rotate();
    let wraps = 0;
    const mortal: KeyManagement = {
      ...keys,
      wrap: async (context, key) => {
        if (++wraps > 1) throw new Error("killed");
        return keys.wrap(context, key);
      },
    };
    // From the very first one on that it wraps anew.
    await expect(rewrapDataKeys(world.store, mortal)).rejects.toThrow("killed");
    const seal = async () => (await behind.of(fresh)).seal(PLACE, Buffer.from("hello"));
    await expect(seal()).rejects.toThrow(KeyError);
    await expect(seal()).rejects.toThrow(`needs ${current}`);
    expect(await mastersOf("fresh")).toEqual([]);

    copyFileSync(path(), copy());
    await seal();
    expect(await mastersOf("fresh")).toEqual([current]);
  });

  it("is made by those who have the new one already and by those who have not, until all are wrapped anew", async () => {
    copyFileSync(path(), copy());
    const keys = createKeyFile(path(), now);
    const current = await keys.rotate();
    const ahead = await cipherOn(world.store);
    const behind = await cipherOn(await world.open(), createKeyFile(copy(), now));
    (await ahead.of(fresh)).seal(PLACE, Buffer.from("hello"));
    (await behind.of(tenantScope("other"))).seal(PLACE, Buffer.from("hello"));
    expect(await rewrapDataKeys(world.store, keys)).toEqual({ count: 2, failures: [] });
    for (const tenantId of ["_platform", "fresh", "other"])
      expect(await mastersOf(tenantId)).toEqual([current]);
  });
});
