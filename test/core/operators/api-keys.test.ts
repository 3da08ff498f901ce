import { beforeEach, expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { hashApiKey } from "../../../core/operators/api-key-text.ts";
import {
  type ApiKeys,
  createApiKeys,
  isKeyLabel,
  type NewApiKey,
} from "../../../core/operators/api-keys.ts";
import { describeStores } from "../../fakes/stores.ts";

const CLI = { who: "cli" };
const HOUR_MS = 3_600_000;

describeStores("API keys", (world) => {
  let clock: number;
  let keys: ApiKeys;
  beforeEach(() => {
    clock = 1_795_000_000_000;
    const { store } = world;
    keys = createApiKeys({ store, auditLog: createAuditLog(store), now: () => new Date(clock) });
  });
  const create = async (more: Partial<NewApiKey> = {}) => {
    const wanted = { tenantId: "sales", label: "pager", permissions: ["queue:view"], ...more };
    const made = await keys.create(CLI, wanted as NewApiKey);
    if (made.kind !== "created") throw new Error(made.message);
    return made;
  };

  it("count from the moment they are created", async () => {
    const { key, text } = await create();
    expect(await keys.verify(text)).toEqual(key);
    expect(key).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      tenantId: "sales",
      label: "pager",
      permissions: ["queue:view"],
      createdAt: new Date(clock),
    });
  });

  it("have a label of one line with something in it to see", () => {
    for (const label of [
      "",
      " ",
      "\u00a0",
      "a\nb",
      "a\u2028b",
      "a\u2029b",
      "a\u202eb",
      "x".repeat(101),
    ]) {
      expect(isKeyLabel(label), JSON.stringify(label)).toBe(false);
    }
    for (const label of ["pager of the sales team", "銷售部", "x".repeat(100)]) {
      expect(isKeyLabel(label), label).toBe(true);
    }
  });

  it("leave only a hash in the store", async () => {
    const { key, text } = await create();
    const [row] = await world.sql("SELECT * FROM api_keys");
    expect(row?.hash).toEqual(hashApiKey(text));
    const secret = text.split("_").at(-1) ?? "";
    const audit = await world.sql("SELECT * FROM audit");
    expect(JSON.stringify([row, audit, await keys.list(CLI), key])).not.toContain(secret);
  });

  it("attack: a key with one byte changed is no key, wherever the byte is", async () => {
    const { text } = await create();
    for (let index = 0; index < text.length; index++) {
      const other = text[index] === "0" ? "1" : "0";
      const changed = text.slice(0, index) + other + text.slice(index + 1);
      expect(await keys.verify(changed), changed).toBeUndefined();
    }
  });

  it("attack: a tenant's secret under another tenant's name is no key", async () => {
    const { text } = await create();
    await create({ tenantId: "support" });
    for (const tenant of ["support", "_platform"]) {
      expect(await keys.verify(text.replace("_sales_", `_${tenant}_`))).toBeUndefined();
    }
  });

  it("attack: a revoked key does nothing from that moment on", async () => {
    const { key, text } = await create();
    expect(await keys.revoke(CLI, key.id)).toMatchObject({ revokedAt: new Date(clock) });
    expect(await keys.verify(text)).toBeUndefined();
    clock += HOUR_MS;
    // Once more changes nothing, not even the time.
    const again = await keys.revoke(CLI, key.id);
    expect(again?.revokedAt).toEqual(new Date(clock - HOUR_MS));
  });

  it("attack: an expired key does nothing from the very moment of its end", async () => {
    const { text } = await create({ expiresAt: new Date(clock + HOUR_MS) });
    clock += HOUR_MS - 1;
    expect(await keys.verify(text)).toBeDefined();
    clock += 1;
    expect(await keys.verify(text)).toBeUndefined();
  });

  it("attack: a permission that this version does not know allows nothing", async () => {
    const { text } = await create();
    await world.sql(`UPDATE api_keys SET permissions = '["queue:view","root"]'`);
    expect((await keys.verify(text))?.permissions).toEqual(["queue:view"]);
  });

  it("are listed with what they may do and whether they count, a tenant's only to its own", async () => {
    const ours = await create();
    const theirs = await create({ tenantId: "support", label: "their pager" });
    const platform = await create({ tenantId: undefined, permissions: ["*"] });
    const ids = async (tenantId?: string) =>
      (await keys.list({ who: "cli", tenantId })).map(({ id }) => id);
    expect(await ids()).toEqual([platform, ours, theirs].map(({ key }) => key.id));
    expect(await ids("sales")).toEqual([ours.key.id]);
    expect((await keys.list(CLI))[0]).not.toHaveProperty("tenantId");
  });

  it("attack: a tenant's operator cannot revoke another tenant's key", async () => {
    const { key, text } = await create();
    expect(await keys.revoke({ who: "k1", tenantId: "support" }, key.id)).toBeUndefined();
    expect(await keys.verify(text)).toBeDefined();
  });

  it("attack: a key cannot make a mightier, wider or longer-lived one than itself", async () => {
    const { key } = await create({
      permissions: ["queue:view", "key:manage"],
      expiresAt: new Date(clock + HOUR_MS),
    });
    const maker = { who: key.id, tenantId: "sales", key };
    const same: NewApiKey = {
      tenantId: "sales",
      label: "child",
      permissions: ["queue:view"],
      expiresAt: new Date(clock + HOUR_MS),
    };
    const attempts: readonly [string, Partial<NewApiKey>, RegExp][] = [
      ["more", { permissions: ["queue:view", "queue:manage"] }, /no permission queue:manage/],
      ["all", { permissions: ["*"] }, /no permission \*/],
      ["another tenant", { tenantId: "support" }, /for tenant sales only/],
      ["all tenants", { tenantId: undefined }, /for tenant sales only/],
      ["for ever", { expiresAt: undefined }, /must not last longer/],
      ["longer", { expiresAt: new Date(clock + HOUR_MS + 1) }, /must not last longer/],
    ];
    for (const [what, more, message] of attempts) {
      const made = await keys.create(maker, { ...same, ...more });
      expect(made, what).toEqual({ kind: "refused", message: expect.stringMatching(message) });
    }
    expect(await keys.create(maker, same)).toMatchObject({ kind: "created" });
    expect(await keys.list(CLI)).toHaveLength(2);
  });

  it("go on record with who made, listed and revoked them", async () => {
    const { key } = await create();
    await keys.list({ who: "k1" });
    await keys.revoke({ who: "k1", tenantId: "sales" }, key.id);
    await keys.revoke({ who: "k1", tenantId: "sales" }, "0000000000000000");
    const rows = await world.sql(
      "SELECT tenant_id, sender_id, action, subject, decision, code FROM audit ORDER BY tenant_id, seq",
    );
    expect(rows.map((row) => Object.values(row).join(" "))).toEqual([
      "_platform k1 key.list keys allowed OK",
      `sales cli key.create ${key.id} allowed OK`,
      `sales k1 key.revoke ${key.id} allowed OK`,
      "sales k1 key.revoke 0000000000000000 refused NOT_FOUND",
    ]);
  });
});
