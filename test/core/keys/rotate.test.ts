import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { createContentCipher } from "../../../core/keys/content-cipher.ts";
import { createKeyFile } from "../../../core/keys/key-file.ts";
import type { KeyManagement } from "../../../core/keys/key-management.ts";
import { rotateMasterKey } from "../../../core/keys/rotate.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../../core/store/scope.ts";
import { statement } from "../../../core/store/statement.ts";
import type { Store } from "../../../core/store/store.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const now = () => new Date("2026-03-01T00:00:00Z");
const keyFile = () => createKeyFile(join(folder.path, "master.key"), now);
const log = { error: () => {} };

const cipherOn = (store: Store) => createContentCipher({ store, keys: keyFile(), now, log });

const rotateOn = (store: Store, step?: "add" | "rewrap", keys: KeyManagement = keyFile()) =>
  rotateMasterKey({ store, keys, auditLog: createAuditLog(store), now }, step);

const allKeys = statement<object>()((db) =>
  db.selectFrom("data_keys").select(["tenant_id", "version", "master_id"]).orderBy("tenant_id"),
);
const mastersOf = async (store: Store) => {
  const rows = await store.read("operator", (transaction) => transaction.all(allKeys, {}));
  return rows.map((row) => row.master_id);
};

const allRecords = statement<object>()((db) =>
  db
    .selectFrom("audit")
    .select(["sender_id", "action", "subject", "decision", "code", "detail"])
    .orderBy("seq"),
);
const recordsOf = (store: Store) =>
  store.read(PLATFORM_SCOPE, (transaction) => transaction.all(allRecords, {}));

const spoil = statement<{ tenant: string; wrapped: Uint8Array }>()((db, arg) =>
  db
    .updateTable("data_keys")
    .set({ wrapped: arg("wrapped") })
    .where("tenant_id", "=", arg("tenant")),
);

const TENANTS = ["a", "b", "c", "d"];

describeStores("a rotation of the master key", (world) => {
  let sealed: Map<string, Buffer>;
  beforeEach(async () => {
    const cipher = await cipherOn(world.store);
    sealed = new Map();
    for (const tenant of TENANTS) {
      sealed.set(tenant, (await cipher.of(tenantScope(tenant))).seal("place", Buffer.from(tenant)));
    }
  });

  /** Everything that was sealed before opens in a process that starts now. */
  const expectAllReadable = async () => {
    const cipher = await cipherOn(await world.open());
    for (const [tenant, value] of sealed) {
      expect(String(await cipher.open(tenantScope(tenant), "place", value))).toBe(tenant);
    }
  };

  it("wraps every data key anew and changes nothing of what they sealed", async () => {
    const before = await keyFile().currentId();
    const { masterId, rewrapped, failures } = await rotateOn(await world.open());
    expect(masterId).not.toBe(before);
    expect([rewrapped, failures]).toEqual([TENANTS.length + 1, []]);
    expect(new Set(await mastersOf(world.store))).toEqual(new Set([masterId]));
    await expectAllReadable();
  });

  it("is not noticed by a gateway that runs, for tenants it knows, knows not yet, and new ones", async () => {
    const gateway = await cipherOn(await world.open());
    const open = async (tenant: string) =>
      String(
        await gateway.open(tenantScope(tenant), "place", sealed.get(tenant) ?? Buffer.alloc(0)),
      );
    await open("a");
    const { masterId } = await rotateOn(world.store);
    expect([await open("a"), await open("b")]).toEqual(["a", "b"]);
    (await gateway.of(tenantScope("c"))).seal("place", Buffer.from("c"));
    (await gateway.of(tenantScope("new"))).seal("place", Buffer.from("new"));
    expect(new Set(await mastersOf(world.store))).toEqual(new Set([masterId]));
  });

  it("loses nothing when it is killed after the key was added, and is done again", async () => {
    const first = await keyFile().currentId();
    await rotateOn(world.store, "add");
    expect(new Set(await mastersOf(world.store))).toEqual(new Set([first]));
    await expectAllReadable();
    const { masterId } = await rotateOn(world.store);
    expect(new Set(await mastersOf(world.store))).toEqual(new Set([masterId]));
    await expectAllReadable();
  });

  it("loses nothing when it is killed while it wraps, and is ended by its second step", async () => {
    const keys = keyFile();
    let wraps = 0;
    const mortal: KeyManagement = {
      ...keys,
      wrap: async (context, key) => {
        if (++wraps > 2) throw new Error("killed");
        return keys.wrap(context, key);
      },
    };
    await expect(rotateOn(world.store, undefined, mortal)).rejects.toThrow("killed");
    expect(new Set(await mastersOf(world.store)).size).toBe(2);
    await expectAllReadable();
    const { rewrapped } = await rotateOn(world.store, "rewrap");
    expect(rewrapped).toBe(TENANTS.length + 1 - 2);
    expect(new Set(await mastersOf(world.store)).size).toBe(1);
    await expectAllReadable();
  });

  it("may be done twice at once", async () => {
    await rotateOn(world.store, "add");
    const stores = [world.store, await world.open()];
    await Promise.all(stores.map((store) => rotateOn(store, "rewrap")));
    expect(new Set(await mastersOf(world.store)).size).toBe(1);
    await expectAllReadable();
  });

  it("names the data key that does not unwrap, and goes on with the others", async () => {
    await world.store.write(tenantScope("b"), (transaction) =>
      transaction.run(spoil, { tenant: "b", wrapped: Buffer.alloc(65, 1) }),
    );
    const { rewrapped, failures } = await rotateOn(world.store);
    expect(rewrapped).toBe(TENANTS.length);
    expect(failures).toEqual([expect.stringMatching(/data key 1 of tenant b was changed/)]);
  });

  it("is on record with who did it and how it ended", async () => {
    const { masterId } = await rotateOn(world.store);
    const records = await recordsOf(world.store);
    expect(
      records.map(({ sender_id, action, subject, code }) => [sender_id, action, subject, code]),
    ).toEqual([
      ["cli", "key.rotate", "add+rewrap", "BEGUN"],
      ["cli", "key.rotate", "add+rewrap", "OK"],
    ]);
    expect(JSON.parse(records[1]?.detail ?? "")).toEqual({
      master_id: masterId,
      rewrapped: TENANTS.length + 1,
      failed: 0,
    });
  });

  it("is on record when it fails, and does not happen when it cannot be put there", async () => {
    const keys: KeyManagement = {
      ...keyFile(),
      rotate: () => Promise.reject(new Error("no place left")),
    };
    await expect(rotateOn(world.store, "add", keys)).rejects.toThrow("no place left");
    expect((await recordsOf(world.store)).map(({ code, decision }) => [code, decision])).toEqual([
      ["BEGUN", "allowed"],
      ["FAULT", "failed"],
    ]);

    const before = await keyFile().currentId();
    const record = () => Promise.reject(new Error("cannot be recorded"));
    const auditLog = { record, recordIn: record, prepare: record };
    const parts = { store: world.store, keys: keyFile(), auditLog, now };
    await expect(rotateMasterKey(parts)).rejects.toThrow("cannot be recorded");
    expect(await keyFile().currentId()).toBe(before);
  });
});
