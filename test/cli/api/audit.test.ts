import { afterEach, beforeEach, expect, it } from "vitest";
import type { AuditLog } from "../../../core/audit-log.ts";
import { createAuditLog } from "../../../core/audit-log.ts";
import { behindItsBack, recordOf } from "../../core/audit/audited.ts";
import { type OperatedQueue, operatedQueue } from "../../core/operators/operated-queue.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type ApiServer, type Asked, startApi } from "./api-server.ts";

const folder = temporaryFolder();
const DAY_MS = 24 * 60 * 60_000;
const START = Date.parse("2026-03-01T00:00:00Z");

interface Page {
  readonly records: readonly Readonly<Record<string, unknown>>[];
  readonly next: number | null;
}

describeStores("the audit log over HTTP", (world) => {
  let at: OperatedQueue;
  let api: ApiServer;
  let log: AuditLog;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path);
    api = await startApi(world.store, at);
    log = createAuditLog(world.store, at.process.cipher);
  });
  afterEach(() => api.close());

  /** One record a day from 1 March on, of three people and the command line in turn. */
  const days = async (tenantId: string, count: number) => {
    for (let index = 0; index < count; index++) {
      const actor = index % 4 === 3 ? "cli" : undefined;
      await log.record(recordOf(tenantId, index, new Date(START + index * DAY_MS), actor));
    }
  };
  const auditor = (reach: "sales" | "all" = "sales") =>
    api.key({
      tenantId: reach === "all" ? undefined : reach,
      permissions: ["log:view", "audit:export"],
    });
  const ask = (query: string, asked: Asked) => api.ask("GET", `/api/audit/logs?${query}`, asked);
  const page = async (query: string, key: string): Promise<Page> => {
    const { status, body } = await ask(query, { key });
    expect([status, body]).toMatchObject([200, {}]);
    return body as Page;
  };
  const messages = ({ records }: Page) =>
    records.filter(({ action }) => action === "message").map(({ message }) => message);

  it("answers the customer's call, with what was sealed opened", async () => {
    await days("sales", 6);
    const key = await auditor();
    const query = "tenant=sales&from=2026-03-02&to=&actor=&action=message&cursor=";
    const { records, next } = await page(query, key);
    expect(next).toBeNull();
    expect(records.map(({ message }) => message)).toEqual(["m1", "m2", "m4", "m5"]);
    expect(records[0]).toEqual({
      ...{ seq: 2, at: "2026-03-02T00:00:00.000Z", tenant: "sales", actor: "wei1" },
      ...{ action: "message", subject: "text", decision: "answered", code: "OK" },
      ...{ channel: "test", workspace: "corp", message: "m1", duration_ms: 1 },
      ...{ detail: { index: 1 }, erased: false, trace: "trace-sales-1" },
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("finds what a person did by a hash alone, and what an operator did", async () => {
    await days("sales", 8);
    const key = await auditor();
    expect(messages(await page("actor=WEI2", key))).toEqual(["m2", "m5"]);
    expect((await page("actor=cli&from=2026-03-01&to=2026-03-08", key)).records).toHaveLength(2);
    expect(messages(await page("actor=nobody", key))).toEqual([]);
    const stored = JSON.stringify(await world.sql("SELECT * FROM audit"));
    expect(stored).not.toContain("wei");
    expect(stored).not.toContain("WEI");
  });

  it("reads days in the tenant's time zone, the last one included, and instants as they are", async () => {
    await days("sales", 4);
    const key = await auditor();
    // In these settings `sales` has none, so days are those of UTC.
    expect(messages(await page("from=2026-03-02&to=2026-03-03", key))).toEqual(["m1", "m2"]);
    expect(messages(await page("from=2026-03-01T00:00:01Z&to=2026-03-03T00:00:00Z", key))).toEqual([
      "m1",
    ]);
    expect(messages(await page("from=2026-03-02T08:00:00+08:00&to=2026-03-02", key))).toEqual([
      "m1",
    ]);
  });

  it("leaves nothing out of a span of time after a clock was ahead and was set back", async () => {
    await days("sales", 2);
    const ahead = new Date(START + 400 * DAY_MS);
    await log.record(recordOf("sales", 2, ahead));
    for (const index of [3, 4, 5]) {
      await log.record(recordOf("sales", index, new Date(START + index * DAY_MS)));
    }
    const key = await auditor();
    expect(messages(await page("from=2026-03-02&to=2026-03-05", key))).toEqual(["m1", "m3", "m4"]);
  });

  it("attack: a record that somebody damaged keeps no other one from being read", async () => {
    await days("sales", 5);
    await behindItsBack(world, [
      "UPDATE audit SET detail = '{' WHERE tenant_id = 'sales' AND seq = 4",
      "UPDATE audit SET personal = NULL, detail = 'x' WHERE tenant_id = 'sales' AND seq = 2",
    ]);
    const { records } = await page("to=2026-04-01", await auditor());
    expect(records.map(({ seq, detail }) => [seq, detail])).toMatchObject([
      [1, { index: 0 }],
      [2, { damaged: 1 }],
      [3, { index: 2 }],
      [4, { damaged: 1 }],
      [5, { index: 4 }],
    ]);
  });

  it("comes page by page, oldest first, each record once", async () => {
    await days("sales", 11);
    const key = await auditor();
    const seen: unknown[] = [];
    let cursor = "";
    do {
      const { records, next } = await page(`to=2026-04-01&limit=4&cursor=${cursor}`, key);
      seen.push(...records.map(({ seq }) => seq));
      cursor = next === null ? "" : String(next);
    } while (cursor !== "");
    // The last ones tell of the pages before.
    expect(seen.slice(0, 11)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it("comes as NDJSON and CSV, by Accept or format, no cell a formula", async () => {
    await log.record({
      ...recordOf("sales", 0, new Date(START), "cli"),
      ...{ actor: "=HYPERLINK(1)", code: '@a,"b' },
    });
    const key = await auditor();
    const csv = await ask("to=2026-03-01", { key, headers: { Accept: "text/csv" } });
    expect(csv.headers["content-type"]).toBe("text/csv; charset=utf-8");
    const lines = String(csv.body).split("\r\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^seq,at,tenant,actor,action,/);
    expect(lines[1]).toMatch(/^1,2026-03-01T00:00:00.000Z,sales,'=HYPERLINK\(1\),queue.show,/);
    expect(lines[1]).toContain(`,"'@a,""b",`);
    const ndjson = await ask("to=2026-03-01&format=ndjson&limit=1", { key });
    expect(ndjson.headers["content-type"]).toBe("application/x-ndjson; charset=utf-8");
    expect(JSON.parse(String(ndjson.body).split("\n")[0] ?? "")).toMatchObject({ seq: 1 });
    expect(await ask("", { key, headers: { Accept: "image/png" } })).toMatchObject({ status: 406 });
  });

  it("puts on record, in the log that was read, who read it and what for", async () => {
    await days("sales", 2);
    const key = await auditor("all");
    await page("tenant=sales&from=2026-03-01&actor=wei0", key);
    const who = key.split("_").at(-2);
    const { records } = await page("tenant=sales&action=audit.read", key);
    expect(records).toMatchObject([
      {
        ...{ tenant: "sales", actor: who, subject: "log", decision: "allowed" },
        detail: { from: "2026-03-01T00:00:00.000Z", shown: 1, actor_tag: expect.any(String) },
      },
    ]);
    expect(JSON.stringify(records)).not.toContain("wei0");
  });

  it("attack: a tenant's key reads no other tenant's log by parameter, header or cursor, and that is on record", async () => {
    await days("sales", 2);
    await days("support", 3);
    const key = await auditor();
    const denied = { status: 403, body: { error: { code: "FORBIDDEN" } } };
    expect(await ask("tenant=support", { key })).toMatchObject(denied);
    expect(await ask("tenant=_platform", { key })).toMatchObject(denied);
    const headers = { "X-Tenant-ID": "support" };
    expect(await ask("tenant=support", { key, headers })).toMatchObject(denied);
    expect(await ask("", { key, headers })).toMatchObject(denied);
    const all = await page("limit=1000", key);
    expect(new Set(all.records.map(({ tenant }) => tenant))).toEqual(new Set(["sales"]));
    const refused = all.records.filter(({ decision }) => decision === "refused");
    expect(refused).toHaveLength(4);
    expect(
      JSON.stringify(await world.sql("SELECT * FROM audit WHERE tenant_id = 'support'")),
    ).not.toContain("audit.read");
    const narrowed = await auditor("all");
    const asSupport = { key: narrowed, headers };
    expect(await ask("tenant=sales", asSupport)).toMatchObject(denied);
  });

  it("attack: a key without log:view reads nothing, one without audit:export takes nothing away", async () => {
    const neither = await api.key({ permissions: ["queue:view"] });
    expect((await ask("", { key: neither })).status).toBe(403);
    const viewer = await api.key({ permissions: ["log:view"] });
    expect((await ask("", { key: viewer })).status).toBe(200);
    expect((await ask("format=csv", { key: viewer })).status).toBe(403);
    const headers = { Accept: "application/x-ndjson" };
    expect((await ask("", { key: viewer, headers })).status).toBe(403);
  });

  it("shows a person as erased once the tenant's keys are destroyed", async () => {
    await days("sales", 1);
    await world.sql("DELETE FROM data_keys WHERE tenant_id = 'sales'");
    const other = await startApi(world.store, await operatedQueue(world, folder.path));
    try {
      const key = await other.key({ tenantId: "sales", permissions: ["log:view"] });
      const { body } = await other.ask("GET", "/api/audit/logs?action=message", { key });
      expect(body).toMatchObject({
        records: [{ actor: "", message: "", detail: {}, erased: true, action: "message" }],
      });
    } finally {
      await other.close();
    }
  });

  it.each([
    ["from=yesterday", /from: must be a day \(2026-03-01\)/],
    ["from=2026-02-30", /from: must be a day/],
    ["to=2026-03-01T09:00:00", /to: must be a day .* or an instant with its offset/],
    ["from=2026-03-02&to=2026-03-01", /from: must be before to/],
    ["cursor=-1", /cursor: a whole number/],
    ["limit=0", /limit/],
    ["limit=1001", /limit/],
    ["format=xml", /format/],
    ["who=me", /who/],
    ["actor=a&actor=b", /actor/],
    ["actor=a%00b", /actor: visible characters/],
    ["action=%00", /action: visible characters/],
  ])("says what to do about ?%s", async (query, message) => {
    const { status, body } = await ask(query, { key: await auditor() });
    expect([status, body]).toEqual([
      400,
      { error: { code: "BAD_REQUEST", message: expect.stringMatching(message) } },
    ]);
  });

  it("says to an operator whose log to name, and which tenant there never was", async () => {
    const key = await auditor("all");
    expect(await ask("", { key })).toMatchObject({
      ...{ status: 400, body: { error: { message: expect.stringContaining("tenant=") } } },
    });
    expect(await ask("tenant=A%20B", { key })).toMatchObject({
      ...{ status: 400, body: { error: { message: "query: tenant: one tenant id" } } },
    });
    expect((await ask("tenant=nobody", { key })).status).toBe(404);
    expect((await ask("tenant=_platform", { key })).status).toBe(200);
  });
});
