import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, type TestContext } from "vitest";
import { StoreError } from "../../../core/store/errors.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const sales = tenantScope("sales");
const SIZE = 2 * 1024 * 1024;

describe("an embedded store whose disk is full", () => {
  const elsewhere = temporaryFolder();
  let disk: string;
  let store: Store | undefined;
  /** Why there is no small disk. */
  let mountProblem: string | undefined;

  beforeEach(() => {
    disk = mkdtempSync(join(tmpdir(), "clawgate-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE}`, "tmpfs", disk], {
        stdio: "pipe",
      });
      mountProblem = undefined;
    } catch (cause) {
      mountProblem = String(cause).split("\n")[1] ?? "mount failed";
    }
  });
  afterEach(async () => {
    await store?.close();
    store = undefined;
    // Lazily: libsql keeps files open until its statements are collected.
    if (mountProblem === undefined) execFileSync("umount", ["--lazy", disk]);
    rmdirSync(disk);
  });

  /** Only root may mount: elsewhere the test is skipped with the reason; in CI that is a failure. */
  const needDisk = (context: TestContext) => {
    if (mountProblem === undefined) return;
    const reason = `no small disk: ${mountProblem}`;
    if (process.env.CI === "true") throw new Error(reason);
    context.skip(reason);
  };
  const start = async (): Promise<DeliveryProcess> => {
    store = await openStore({ url: `file:${disk}/store` });
    return deliveryProcess({ store, folder: elsewhere.path, now: () => new Date() });
  };
  const ballast = () => join(disk, "ballast");
  const fill = () => {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(ballast(), Buffer.alloc(bavail * bsize));
  };
  const storedKeys = () => {
    const database = openSqlite(join(disk, "store", "clawgate.db"));
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
    needDisk(context);
    const process = await start();
    await accept(process, "before");
    fill();
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

    rmSync(ballast());
    for (const { id } of refused) {
      expect(await accept(process, id)).toMatchObject({ isNew: true });
    }
    expect(await accept(process, "before")).toMatchObject({ isNew: false });
    expect(storedKeys()).toHaveLength(41);
  });

  it("loses nothing when the gateway ends with the disk full", async (context) => {
    needDisk(context);
    const process = await start();
    await accept(process, "before");
    fill();
    await Promise.allSettled(Array.from({ length: 40 }, (_, n) => accept(process, `m${n}`)));
    const stored = storedKeys();
    await store?.close();
    const next = await start().catch((cause: unknown) => cause);
    // It may open or say that it cannot; once there is room, it does.
    if (next instanceof Error) expect(next).toBeInstanceOf(StoreError);
    else await store?.close();
    rmSync(ballast());
    await start();
    expect(storedKeys()).toEqual(stored);
  });
});
