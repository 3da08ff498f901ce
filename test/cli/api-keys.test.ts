import { beforeEach, expect, it } from "vitest";
import { registerKey } from "../../cli/key.ts";
import { createAuditLog } from "../../core/audit-log.ts";
import { createApiKeys } from "../../core/operators/api-keys.ts";
import { createWorkspace } from "../config/workspace.ts";
import { describeStores } from "../fakes/stores.ts";
import { runVerb } from "./run-verb.ts";

describeStores("clawgate key", (world) => {
  let cwd: string;
  beforeEach(() => {
    cwd = createWorkspace({
      "settings.json": JSON.stringify({
        storage: { url: world.url },
        multi_tenant: { tenants: [{ id: "sales" }] },
      }),
    });
  });
  const key = (...words: string[]) => runVerb(registerKey, cwd, ["key", ...words]);
  const verify = (text: string) => {
    const { store } = world;
    const parts = { store, auditLog: createAuditLog(store), now: () => new Date() };
    return createApiKeys(parts).verify(text);
  };
  const PAGER = ["--tenant", "sales", "--label", "pager", "--permission", "queue:view"];

  it("creates a key that counts, shows it once, and says what it may do", async () => {
    const { code, out } = await key("create", ...PAGER, "--expires-in", "90d");
    expect(code).toBe(0);
    const text = out.split("\n")[0] ?? "";
    const found = await verify(text);
    expect(found).toMatchObject({ tenantId: "sales", permissions: ["queue:view"] });
    const days = ((found?.expiresAt?.getTime() ?? 0) - Date.now()) / 86_400_000;
    expect(days).toBeCloseTo(90, 1);
    expect(out).toContain("for tenant sales, may queue:view, until 2");
    const listed = await key("list");
    expect(listed.out).toContain(found?.id);
    expect(listed.out).not.toContain(text.split("_").at(-1));
  });

  it("creates an operator's key for all tenants when no tenant is named", async () => {
    const made = JSON.parse(
      (await key("create", "--label", "ops", "--permission", "*", "--json")).out,
    );
    expect(made).toMatchObject({ tenant: null, permissions: ["*"], expires_at: null });
    expect(await verify(made.key)).not.toHaveProperty("tenantId");
  });

  it("gives a key several permissions", async () => {
    const made = await key("create", ...PAGER, "--permission", "queue:manage", "--json");
    expect(JSON.parse(made.out).permissions).toEqual(["queue:view", "queue:manage"]);
  });

  it("refuses an unknown permission with the list of those there are", async () => {
    const words = ["create", "--label", "x", "--permission", "root", "--permission", "queue:view"];
    const { code, err } = await key(...words);
    expect(code).toBe(2);
    expect(err).toContain("no permission root");
    for (const name of ["queue:view", "queue:manage", "key:manage", "*"]) {
      expect(err).toContain(`  ${name} `);
    }
  });

  it("refuses an unknown tenant, a label of nothing visible and a time that is none", async () => {
    const words = ["create", "--label", "x", "--permission", "*"];
    expect(await key(...words, "--tenant", "sals")).toMatchObject({
      code: 1,
      err: expect.stringContaining('no tenant "sals"; it has: sales'),
    });
    expect((await key("create", "--permission", "*", "--label", "\u001b[2J")).code).toBe(2);
    for (const time of ["0d", "90", "1y", "-1d", "100000d"]) {
      expect((await key(...words, "--expires-in", time)).code, time).toBe(2);
    }
    expect((await key("create", "--permission", "*")).code).toBe(2);
    expect((await key("create", "--label", "x")).code).toBe(2);
    expect((await key("list", "--json")).out).toBe('{"keys":[]}\n');
  });

  it("revokes a key", async () => {
    const made = JSON.parse((await key("create", ...PAGER, "--json")).out);
    expect(await key("revoke", made.id)).toMatchObject({
      code: 0,
      out: `key ${made.id} is revoked\n`,
    });
    expect(await verify(made.key)).toBeUndefined();
    const [listed] = JSON.parse((await key("list", "--json")).out).keys;
    expect(listed).toMatchObject({ id: made.id, revoked_at: expect.stringMatching(/Z$/) });
  });

  it("answers 1 to the id of no key", async () => {
    expect(await key("revoke", "0000000000000000")).toMatchObject({
      code: 1,
      err: expect.stringContaining("`clawgate key list` shows all"),
    });
  });

  it("attack: a whole key given where its id belongs gets into no record and no message", async () => {
    const made = JSON.parse((await key("create", ...PAGER, "--json")).out);
    const { code, out, err } = await key("revoke", made.key);
    expect(code).toBe(2);
    expect(err).toContain("16 hex digits");
    const kept = JSON.stringify(await world.sql("SELECT * FROM audit"));
    expect(`${out}${err}${kept}`).not.toContain(made.key.split("_").at(-1));
  });
});
