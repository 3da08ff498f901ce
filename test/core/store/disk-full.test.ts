import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { StoreError } from "../../../core/store/errors.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import { smallDisk } from "../../fakes/small-disk.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const sales = tenantScope("sales");

describe("an embedded store whose disk is full", () => {
  const elsewhere = temporaryFolder();
  const disk = smallDisk(2 * 1024 * 1024);
  let store: Store | undefined;
  afterEach(async () => {
    await store?.close();
    store = undefined;
  });

  const start = async (): Promise<DeliveryProcess> => {
    store = await openStore({ url: `file:${disk.path}/store` });
    return deliveryProcess({ store, folder: elsewhere.path, now: () => new Date() });
  };
  const storedKeys = () => {
    const database = openSqlite(join(disk.path, "store", "clawgate.db"));
    try {
      return database
        .prepare("SELECT key FROM inbox ORDER BY id")
        .all([])
        .map(({ key }) => key);
    } finally {
      database.close();
    }
  };
  const accept = (process: DeliveryProcess, id: string) =>
    process.inbox.accept(textMessage(id, "x".repeat(3_000)), sales);

  it("refuses messages with StoreError, stores nothing of them, and takes them when there is room", async (context) => {
    disk.need(context);
    const process = await start();
    await accept(process, "before");
    disk.fill();
    const full = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) => accept(process, `m${index}`)),
    );
    const refused = full.flatMap((outcome, index) =>
      outcome.status === "rejected" ? [{ id: `m${index}`, cause: outcome.reason }] : [],
    );
    expect(refused.length).toBeGreaterThan(0);
    for (const { cause } of refused) {
      expect(cause).toBeInstanceOf(StoreError);
      expect(String(cause)).toMatch(/full/i);
    }
    const taken = full.flatMap((outcome, index) =>
      outcome.status === "fulfilled" ? [`m${index}`] : [],
    );
    expect(storedKeys()).toEqual(["before", ...taken]);
    expect(await process.inbox.find(textMessage(refused[0]?.id ?? ""))).toBeUndefined();
    expect(await process.inbox.find(textMessage("before"))).toMatchObject({ isNew: false });

    disk.free();
    for (const { id } of refused) {
      expect(await accept(process, id)).toMatchObject({ isNew: true });
    }
    expect(await accept(process, "before")).toMatchObject({ isNew: false });
    expect(storedKeys()).toHaveLength(41);
  });

  it("says that there is no room when it cannot be opened for the want of it", async (context) => {
    disk.need(context);
    mkdirSync(join(disk.path, "store"));
    // The lock has its place; the database is to have none.
    writeFileSync(join(disk.path, "store", "clawgate.db"), "");
    disk.fill();
    const opened = await openStore({ url: `file:${disk.path}/store` }).catch(
      (cause: unknown) => cause,
    );
    expect(opened).toBeInstanceOf(StoreError);
    expect(String(opened)).toMatch(/make room on its disk|is its disk full\?/);
  });

  it("loses nothing when the gateway ends with the disk full", async (context) => {
    disk.need(context);
    const process = await start();
    await accept(process, "before");
    disk.fill();
    await Promise.allSettled(Array.from({ length: 40 }, (_, n) => accept(process, `m${n}`)));
    const stored = storedKeys();
    await store?.close();
    const next = await start().catch((cause: unknown) => cause);
    // It may open or say that it cannot; once there is room, it does.
    if (next instanceof Error) expect(next).toBeInstanceOf(StoreError);
    else await store?.close();
    disk.free();
    await start();
    expect(storedKeys()).toEqual(stored);
  });
});
