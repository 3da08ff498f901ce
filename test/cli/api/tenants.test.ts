import { afterEach, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { createAuditLog } from "../../../core/audit-log.ts";
import { createBudget } from "../../../core/budget/budget.ts";
import { OPERATIONS } from "../../../core/operators/permission-table.ts";
import { type OperatedQueue, operatedQueue } from "../../core/operators/operated-queue.ts";
import { noNotices } from "../../fakes/notices.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type ApiServer, type Asked, startApi } from "./api-server.ts";

const folder = temporaryFolder();

describeStores("tenants, agents and skills over HTTP", (world) => {
  let at: OperatedQueue;
  let api: ApiServer;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path);
    api = await startApi(world.store, at);
  });
  afterEach(() => api.close());

  const get = (path: string, asked: Asked) => api.ask("GET", path, asked);
  const operatorsKey = () => api.key({ tenantId: undefined, permissions: ["*"] });
  const records = () =>
    world.sql(
      `SELECT tenant_id, action, code FROM audit
       WHERE action IN ('tenant.list', 'agent.list', 'skill.list', 'api') ORDER BY at, tenant_id, seq`,
    );

  it("show a tenant its settings and its month, and put on record who looked", async () => {
    const budget = createBudget({
      ...{ store: world.store, auditLog: createAuditLog(world.store), notices: noNotices },
      ...{ log: api.log, counters: api.counters, now: () => new Date(at.clock) },
    });
    for (const [id, cost] of [
      ["sales", 1_250_000_000],
      ["support", 7_000_000_000],
    ] as const) {
      await (await budget.reserve({ id }, 9e9))?.settle(cost);
    }
    const key = await api.key({ permissions: ["tenant:view"] });
    const { status, body } = await get("/api/tenants", { key });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        next: null,
        tenants: [
          {
            ...{ id: "sales", name: "Sales", provider: "rules", blocked_skills: ["payroll"] },
            agents: ["helper", "writer"],
            budget: { monthly_usd: 50, spent_usd: 1.25, reserved_usd: 0 },
          },
        ],
      },
    });
    expect(JSON.stringify(body)).not.toMatch(/PLANTED|support/);
    expect(await records()).toEqual([{ tenant_id: "sales", action: "tenant.list", code: "OK" }]);
  });

  it("list them page by page for an operator's key, one by X-Tenant-ID or tenant=", async () => {
    const key = await operatorsKey();
    const ids = async (query: string, headers = {}) => {
      const { body } = await get(`/api/tenants${query}`, { key, headers });
      const { tenants, next } = body as { tenants: { id: string }[]; next: string | null };
      return [...tenants.map(({ id }) => id), next];
    };
    expect(await ids("")).toEqual(["sales", "support", null]);
    expect(await ids("?limit=1")).toEqual(["sales", "sales"]);
    expect(await ids("?limit=1&cursor=sales")).toEqual(["support", null]);
    expect(await ids("?tenant=support")).toEqual(["support", null]);
    expect(await ids("", { "X-Tenant-ID": "support" })).toEqual(["support", null]);
    expect((await get("/api/tenants?tenant=nobody", { key })).status).toBe(404);
  });

  it("list a tenant's agents with what each may use", async () => {
    const key = await api.key({ permissions: ["agent:view"] });
    expect((await get("/api/agents", { key })).body).toEqual({
      tenant: "sales",
      agents: [
        {
          ...{ name: "helper", is_default: true, is_other_system: false },
          ...{ provider: "rules", model: "", region: "on-prem", skills: ["search", "shell"] },
        },
        {
          ...{ name: "writer", is_default: false, is_other_system: false },
          ...{ provider: "rules", model: "", region: "on-prem", skills: ["search"] },
        },
      ],
    });
  });

  it("attack: a tenant's key is told of no skill that its tenant may not use", async () => {
    const key = await api.key({ permissions: ["skill:view"] });
    const { body } = await get("/api/skills", { key });
    expect(body).toMatchObject({
      tenant: "sales",
      skills: [{ name: "search", risk: "low", digest: "d1" }, { name: "shell" }],
    });
    expect(JSON.stringify(body)).not.toMatch(/payroll|PLANTED/);
  });

  it("attack: a tenant's key asks for another tenant: 403 and a record, whichever way", async () => {
    const key = await api.key({ permissions: ["*"] });
    const paths = ["/api/tenants", "/api/agents", "/api/skills"];
    for (const path of paths) {
      for (const answer of [
        await get(`${path}?tenant=support`, { key }),
        await get(path, { key, headers: { "X-Tenant-ID": "support" } }),
        await get(`${path}?tenant=_platform`, { key }),
      ]) {
        expect(answer).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
        expect(JSON.stringify(answer.body)).not.toContain("PLANTED");
      }
    }
    for (const path of paths) {
      const { status } = await get(`${path}?tenant=SUPPORT`, { key });
      expect(status, path).toBe(403);
    }
    const found = await records();
    expect(found).toHaveLength(12);
    expect(new Set(found.map((each) => Object.values(each).join()))).toEqual(
      new Set(["sales,api,FORBIDDEN"]),
    );
    const asked = await world.sql("SELECT detail FROM audit WHERE action = 'api'");
    // What is no tenant's id is not copied into the log.
    expect(asked.map((each) => JSON.parse(String(each.detail)).tenant ?? "-").sort()).toEqual([
      ...Array<string>(3).fill("-"),
      ...Array<string>(3).fill("_platform"),
      ...Array<string>(6).fill("support"),
    ]);
  });

  it("ask an operator's key which tenant's agents and skills are meant", async () => {
    const key = await operatorsKey();
    for (const path of ["/api/agents", "/api/skills"]) {
      const unsaid = await get(path, { key });
      expect(unsaid).toMatchObject({ status: 400 });
      // Where nothing is kept for `_platform`, asking for it is no advice.
      expect(JSON.stringify(unsaid.body)).toMatch(/say whose with tenant= or X-Tenant-ID"/);
      expect(await get(`${path}?tenant=nobody`, { key })).toMatchObject({ status: 404 });
      expect(await get(`${path}?tenant=support`, { key })).toMatchObject({
        status: 200,
        body: { tenant: "support" },
      });
      expect(await get(`${path}?tenant=support&x=1`, { key })).toMatchObject({ status: 400 });
    }
  });

  it("describe every route to any key that counts", async () => {
    const { status, body } = await get("/api/openapi.json", {
      key: await api.key({ permissions: ["queue:view"] }),
    });
    expect(status).toBe(200);
    const described = z
      .object({
        openapi: z.literal("3.1.0"),
        security: z.tuple([z.object({ key: z.tuple([]) })]),
        paths: z.record(
          z.string(),
          z.record(
            z.string(),
            z.object({
              operationId: z.string(),
              "x-permission": z.string(),
              parameters: z.array(z.object({ name: z.string(), in: z.string() })),
            }),
          ),
        ),
      })
      .parse(body);
    const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...operation,
        name: `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
      })),
    );
    const declared = OPERATIONS.flatMap((each) =>
      "http" in each ? [{ name: each.http, needs: each.needs as string }] : [],
    );
    expect(operations.map((each) => `${each.name} ${each["x-permission"]}`).sort()).toEqual(
      declared.map(({ name, needs }) => `${name} ${needs}`).sort(),
    );
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    const parametersOf = (name: string) =>
      operations.find((each) => each.name === name)?.parameters.map((each) => each.name);
    expect(parametersOf("GET /api/audit/logs")).toEqual(
      expect.arrayContaining(["tenant", "from", "to", "actor", "action", "cursor", "X-Tenant-ID"]),
    );
    expect(parametersOf("DELETE /api/queue/:id")).toContain("id");
    expect(JSON.stringify(body)).toContain('"permissions"');
  });
});
