import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { createContentCipher } from "../../../core/keys/content-cipher.ts";
import { KeyError, SealError } from "../../../core/keys/errors.ts";
import { createKeyFile } from "../../../core/keys/key-file.ts";
import type { KeyManagement } from "../../../core/keys/key-management.ts";
import type { ContentCipher } from "../../../core/store/content-cipher.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { statement } from "../../../core/store/statement.ts";
import type { Store } from "../../../core/store/store.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const DAY_MS = 24 * 3_600_000;
const PLACE = "outbox/12/0/body";
const sales = tenantScope("sales");
const legal = tenantScope("legal");

const folder = temporaryFolder();
const keyFile = () => join(folder.path, "master.key");

let time: Date;
let logged: string[];
beforeEach(() => {
  time = new Date("2026-03-01T00:00:00Z");
  logged = [];
});
const now = () => time;
const log = { error: (_fields: object, text: string) => logged.push(text) };

/** A cipher as a process of its own would have it. */
const cipherOn = (store: Store, keys: KeyManagement = createKeyFile(keyFile(), now)) =>
  createContentCipher({ store, keys, now, log });

const bytes = (text: string) => Buffer.from(text);
const flip = (sealed: Buffer, bit: number): Buffer => {
  const changed = Buffer.from(sealed);
  changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return changed;
};
const versionOf = (sealed: Buffer) => sealed.readUInt32BE(1);

const keyRows = statement<{ tenant: string }>()((db, arg) =>
  db.selectFrom("data_keys").selectAll().where("tenant_id", "=", arg("tenant")).orderBy("version"),
);
const rowsOf = (store: Store, tenant: string) =>
  store.read(tenantScope(tenant), (transaction) => transaction.all(keyRows, { tenant }));

const copyKey = statement<{ tenant: string; wrapped: Uint8Array; master: string }>()((db, arg) =>
  db.insertInto("data_keys").values({
    tenant_id: arg("tenant"),
    version: 1,
    wrapped: arg("wrapped"),
    master_id: arg("master"),
    created_at: 0,
  }),
);

describeStores("sealed content", (world) => {
  let cipher: ContentCipher;
  beforeEach(async () => {
    cipher = await cipherOn(world.store);
  });

  it("opens to what was sealed, whatever it is and wherever it lies", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 4096 }),
        fc.string({ unit: "binary" }),
        async (plain, place) => {
          const sealed = (await cipher.of(sales)).seal(place, plain);
          expect(await cipher.open(sales, place, sealed)).toEqual(Buffer.from(plain));
        },
      ),
    );
  });

  it("is the same for a text and for its bytes, of one that is not well-formed, too", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        const lone = `${text}\ud800`;
        for (const plain of [text, lone]) {
          const sealed = (await cipher.of(sales)).seal(PLACE, plain);
          expect(await cipher.open(sales, PLACE, sealed)).toEqual(Buffer.from(plain));
        }
      }),
    );
  });

  it("is nowhere to be seen in the envelope, nor is the same twice the same", async () => {
    const plain = bytes("the planted sentence");
    const [one, other] = [
      (await cipher.of(sales)).seal(PLACE, plain),
      (await cipher.of(sales)).seal(PLACE, plain),
    ];
    expect(one.includes(plain)).toBe(false);
    expect(one.equals(other)).toBe(false);
    expect(one.length).toBe(plain.length + 33);
  });

  it("opens in another process on the same store", async () => {
    const sealed = (await cipher.of(sales)).seal(PLACE, bytes("hello"));
    const other = await cipherOn(await world.open());
    expect((await other.open(sales, PLACE, sealed)).toString()).toBe("hello");
  });

  it("does not open when a single bit was changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.nat(), async (plain, at) => {
        const sealed = (await cipher.of(sales)).seal(PLACE, plain);
        const changed = flip(sealed, at % (sealed.length * 8));
        await expect(cipher.open(sales, PLACE, changed)).rejects.toThrow(SealError);
      }),
    );
  });

  it("does not open when it was cut or something was added", async () => {
    const sealed = (await cipher.of(sales)).seal(PLACE, bytes("hello"));
    for (let length = 0; length < sealed.length; length++) {
      const cut = sealed.subarray(0, length);
      await expect(cipher.open(sales, PLACE, cut)).rejects.toThrow(SealError);
    }
    const longer = Buffer.concat([sealed, Buffer.alloc(1)]);
    await expect(cipher.open(sales, PLACE, longer)).rejects.toThrow(SealError);
  });

  it("does not open in a row that was moved to another tenant", async () => {
    (await cipher.of(legal)).seal(PLACE, bytes("so that it has a key"));
    const sealed = (await cipher.of(sales)).seal(PLACE, bytes("hello"));
    await expect(cipher.open(legal, PLACE, sealed)).rejects.toThrow(SealError);
    await expect(cipher.open(tenantScope("new"), PLACE, sealed)).rejects.toThrow(SealError);
    expect(await rowsOf(world.store, "new")).toEqual([]);
  });

  it("does not open in a row that was moved to another tenant together with its key", async () => {
    const sealed = (await cipher.of(sales)).seal(PLACE, bytes("hello"));
    const [row] = await rowsOf(world.store, "sales");
    if (!row) throw new Error("no data key");
    const thief = tenantScope("thief");
    await world.store.write(thief, (transaction) =>
      transaction.run(copyKey, { tenant: "thief", wrapped: row.wrapped, master: row.master_id }),
    );
    await expect(cipher.open(thief, PLACE, sealed)).rejects.toThrow(KeyError);
    await expect(cipher.of(thief)).rejects.toThrow(/data key 1 of tenant thief/);
  });

  it("does not open in another column or row", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }),
        async (place, elsewhere) => {
          fc.pre(place !== elsewhere);
          const sealed = (await cipher.of(sales)).seal(place, bytes("hello"));
          await expect(cipher.open(sales, elsewhere, sealed)).rejects.toThrow(SealError);
        },
      ),
    );
  });

  it("is not taken for another tenant's where the two names run together the same", async () => {
    const sealed = (await cipher.of(tenantScope("a"))).seal("b/c", bytes("hello"));
    await expect(cipher.open(tenantScope("a/b"), "c", sealed)).rejects.toThrow(SealError);
    (await cipher.of(tenantScope("a/b"))).seal("c", bytes("so that it has a key"));
    await expect(cipher.open(tenantScope("a/b"), "c", sealed)).rejects.toThrow(SealError);
  });

  it("is not named by the error, which says tenant and place", async () => {
    const sealed = flip((await cipher.of(sales)).seal(PLACE, bytes("hello")), 200);
    const error = await cipher.open(sales, PLACE, sealed).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "SEAL_BROKEN", tenantId: "sales", place: PLACE });
    expect(String(error)).toBe(
      `SealError: cannot open ${PLACE} of tenant sales: it was changed, or belongs elsewhere`,
    );
  });

  it("has a fingerprint that only the tenant's key and the text decide", async () => {
    const print = (await cipher.of(sales)).fingerprint("hello");
    const other = await cipherOn(await world.open());
    expect(print.length).toBe(16);
    expect((await other.of(sales)).fingerprint("hello")).toEqual(print);
    expect((await cipher.of(sales)).fingerprint("hallo")).not.toEqual(print);
    expect((await cipher.of(legal)).fingerprint("hello")).not.toEqual(print);
    for (const again of [1, 2]) {
      expect((await cipher.of(sales)).tag("hello"), `${again}`).toEqual(print);
      expect((await cipher.of(legal)).tag("hello"), `${again}`).not.toEqual(print);
    }
  });
});

describeStores("a tenant's data key", (world) => {
  it("is made once, however many need it first", async () => {
    const cipher = await cipherOn(world.store);
    const places = Array.from({ length: 40 }, (_, index) => `place/${index}`);
    const sealed = await Promise.all(
      places.map(async (place) => (await cipher.of(sales)).seal(place, bytes(place))),
    );
    expect(await rowsOf(world.store, "sales")).toHaveLength(1);
    for (const [index, place] of places.entries()) {
      const value = sealed[index] ?? Buffer.alloc(0);
      expect((await cipher.open(sales, place, value)).toString()).toBe(place);
    }
  });

  it("is the same for two processes that start on an empty store and need it at once", async () => {
    const stores = [world.store, await world.open()];
    const ciphers = await Promise.all(stores.map((store) => cipherOn(store)));
    const sealed = await Promise.all(
      ciphers.map(async (cipher) => (await cipher.of(sales)).seal(PLACE, bytes("hello"))),
    );
    for (const cipher of ciphers) {
      for (const value of sealed) {
        expect((await cipher.open(sales, PLACE, value)).toString()).toBe("hello");
      }
    }
    expect(await rowsOf(world.store, "sales")).toHaveLength(1);
  });

  it("is made at the next try when the first one fails", async () => {
    const keys = createKeyFile(keyFile(), now);
    let mayWrap = true;
    const cipher = await cipherOn(world.store, {
      ...keys,
      wrap: async (context, key) => {
        if (!mayWrap) throw new KeyError("not now");
        return keys.wrap(context, key);
      },
    });
    mayWrap = false;
    await expect(cipher.of(sales)).rejects.toThrow("not now");
    mayWrap = true;
    const sealed = (await cipher.of(sales)).seal(PLACE, bytes("hello"));
    expect((await cipher.open(sales, PLACE, sealed)).toString()).toBe("hello");
  });

  it("is followed by a new version after 30 days, and opens what it sealed for ever", async () => {
    const cipher = await cipherOn(world.store);
    const other = await cipherOn(await world.open());
    const before = (await cipher.of(sales)).seal(PLACE, bytes("before"));
    expect(versionOf((await other.of(sales)).seal(PLACE, bytes("x")))).toBe(1);
    const print = (await cipher.of(sales)).fingerprint("hello");

    time = new Date(time.getTime() + 30 * DAY_MS);
    const after = await Promise.all(
      Array.from({ length: 10 }, async () => (await cipher.of(sales)).seal(PLACE, bytes("after"))),
    );
    expect(after.map(versionOf)).toEqual(Array(10).fill(2));
    expect((await cipher.open(sales, PLACE, before)).toString()).toBe("before");
    // A process that has not renewed yet reads the new version, and then seals with it, too.
    const first = after[0] ?? Buffer.alloc(0);
    expect((await other.open(sales, PLACE, first)).toString()).toBe("after");
    expect(versionOf((await other.of(sales)).seal(PLACE, bytes("x")))).toBe(2);
    expect((await rowsOf(world.store, "sales")).map(({ version }) => version)).toEqual([1, 2]);
    expect((await cipher.of(sales)).fingerprint("hello")).toEqual(print);
    expect((await (await cipherOn(world.store)).of(sales)).fingerprint("hello")).toEqual(print);
  });

  it("seals what is at work while it is renewed, and that opens afterwards", async () => {
    const cipher = await cipherOn(world.store);
    const atWork = await cipher.of(sales);
    time = new Date(time.getTime() + 30 * DAY_MS);
    const next = await cipher.of(sales);
    const sealed = [atWork, next].map((own) => own.seal(PLACE, "hello"));
    expect(sealed.map(versionOf)).toEqual([1, 2]);
    for (const value of sealed) {
      expect((await cipher.open(sales, PLACE, value)).toString()).toBe("hello");
    }
    expect(next.fingerprint("hello")).toEqual(atWork.fingerprint("hello"));
  });

  it("goes on sealing when it cannot be renewed, says so, and is renewed later", async () => {
    const cipher = await cipherOn(world.store);
    (await cipher.of(sales)).seal(PLACE, bytes("x"));
    time = new Date(time.getTime() + 30 * DAY_MS);
    const saved = readFileSync(keyFile());
    rmSync(keyFile());
    for (let count = 0; count < 3; count++) {
      expect(versionOf((await cipher.of(sales)).seal(PLACE, bytes("x")))).toBe(1);
    }
    expect(logged).toEqual(["data key not renewed; trying again later"]);
    expect(() => readFileSync(keyFile())).toThrow(/ENOENT/);

    writeFileSync(keyFile(), saved, { mode: 0o600 });
    time = new Date(time.getTime() + 10 * 60_000);
    expect(versionOf((await cipher.of(sales)).seal(PLACE, bytes("x")))).toBe(2);
  });
});

describeStores("a start", (world) => {
  it("is refused when the key file is gone, and makes none over it", async () => {
    await cipherOn(world.store);
    rmSync(keyFile());
    const start = cipherOn(world.store);
    await expect(start).rejects.toThrow(KeyError);
    await expect(start).rejects.toThrow(`key file ${keyFile()} does not exist`);
    expect(() => readFileSync(keyFile())).toThrow(/ENOENT/);
  });

  it("is refused with the key file of another store, and names both keys", async () => {
    await cipherOn(world.store);
    const needed = await createKeyFile(keyFile(), now).currentId();
    const foreign = createKeyFile(join(folder.path, "foreign.key"), now);
    await foreign.initialize();
    const start = cipherOn(world.store, foreign);
    await expect(start).rejects.toThrow(KeyError);
    await expect(start).rejects.toThrow(
      new RegExp(`holds master key ${await foreign.currentId()}, .* needs ${needed}`),
    );
  });

  it("takes a key file that was there before the store", async () => {
    const keys = createKeyFile(keyFile(), now);
    await keys.initialize();
    const text = readFileSync(keyFile(), "utf8");
    await cipherOn(world.store);
    expect(readFileSync(keyFile(), "utf8")).toBe(text);
  });
});

describe("a wrapped key", () => {
  it("leaves nothing of the data key to be seen", async () => {
    const keys = createKeyFile(keyFile(), now);
    await keys.initialize();
    const key = bytes(randomUUID().slice(0, 32));
    const { wrapped } = await keys.wrap({ tenantId: "sales", version: 1 }, key);
    expect(Buffer.from(wrapped).includes(key.subarray(0, 8))).toBe(false);
  });
});
