import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tenantScope } from "../../../core/store/scope.ts";
import { type OperatedQueue, operatedQueue } from "../../core/operators/operated-queue.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type ApiServer, type Asked, startApi } from "./api-server.ts";

const folder = temporaryFolder();
const START = Date.parse("2026-03-01T00:00:00Z");

describeStores("the memory over HTTP", (world) => {
  let at: OperatedQueue;
  let api: ApiServer;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path, START);
    api = await startApi(world.store, at);
    await remember("sales", "campaign budget for spring 預算", "40,000");
    await remember("support", "engineering database password rotation", "every 90 days");
  });
  afterEach(() => api.close());

  const remember = async (tenantId: string, question: string, answer: string, sender = "wei") => {
    const scope = tenantScope(tenantId);
    const message = { ...textMessage("m", question, sender), channel: "slack" };
    const exchange = { question, answer, isSensitive: false };
    await world.store.write(scope, await api.memory.prepare(scope, message, exchange));
  };
  const ask = (query: string, asked: Asked) => api.ask("GET", `/api/memory/search?${query}`, asked);
  const reader = (tenantId: string | undefined = "sales") =>
    api.key({ tenantId, permissions: ["memory:view"] });
  const records = async (tenantId: string) =>
    (
      await world.sql(
        `SELECT action, subject, decision, code, detail FROM audit
         WHERE tenant_id = '${tenantId}' AND action IN ('api', 'memory.search') ORDER BY seq`,
      )
    ).map((row) => ({ ...row }));

  it("finds what the key's tenant asked and was answered, by two Chinese characters too", async () => {
    const key = await reader();
    const result = {
      ...{ id: expect.stringMatching(/^[0-9a-f]{24}$/), at: "2026-03-01T00:00:00.000Z" },
      ...{ channel: "slack", workspace: "corp", user: "wei" },
      ...{ text: "campaign budget for spring 預算", answer: "40,000" },
    };
    for (const query of ["q=budget", `q=${encodeURIComponent("预算")}`, "q=SPRING&tenant=sales"]) {
      const { status, body } = await ask(query, { key });
      expect({ status, body }).toEqual({
        status: 200,
        body: { tenant: "sales", results: [result] },
      });
    }
    expect(await records("sales")).toContainEqual({
      ...{ action: "memory.search", subject: "tenant", decision: "allowed", code: "OK" },
      detail: '{"shown":1}',
    });
  });

  it("attack: a key of one tenant asks for another's data and gets an empty list", async () => {
    const key = await reader();
    for (const words of ["engineering", "engineering database password rotation", "90 days"]) {
      const { status, body } = await ask(`q=${encodeURIComponent(words)}`, { key });
      expect({ status, body }).toEqual({ status: 200, body: { tenant: "sales", results: [] } });
    }
  });

  it.each([
    ["X-Tenant-ID", "q=engineering", { "X-Tenant-ID": "support" }],
    ["tenant=", "q=engineering&tenant=support", {}],
  ])("attack: another tenant in %s is refused and on record", async (_where, query, headers) => {
    const key = await reader();
    const { status, body } = await ask(query, { key, headers });
    expect({ status, body }).toMatchObject({ status: 403, body: { error: { code: "FORBIDDEN" } } });
    expect(JSON.stringify(body)).not.toContain("password");
    expect(await records("sales")).toEqual([
      {
        ...{ action: "api", subject: "memory:view", decision: "refused", code: "FORBIDDEN" },
        detail: '{"tenant":"support"}',
      },
    ]);
  });

  it.each(
    ["", "SUPPORT", "Sales", "sales, support", "sales,sales", "%73upport", "sup port", "../x", "*"]
      .flatMap((spelt) => [
        [`X-Tenant-ID: ${spelt}`, "q=engineering", { "X-Tenant-ID": spelt }] as const,
        [`tenant=${spelt}`, `q=engineering&tenant=${encodeURIComponent(spelt)}`, {}] as const,
      ])
      .filter(([where]) => where !== "tenant=")
      .concat([["tenant= twice", "q=engineering&tenant=sales&tenant=support", {}]]),
  )(
    "attack: %j is refused and on record like a tenant that is another",
    async (_spelt, query, headers) => {
      const key = await reader();
      const { status, body } = await ask(query, { key, headers });
      expect({ status, body }).toMatchObject({
        status: 403,
        body: { error: { code: "FORBIDDEN" } },
      });
      expect(await records("sales")).toEqual([
        {
          ...{ action: "api", subject: "memory:view", decision: "refused", code: "FORBIDDEN" },
          detail: "{}",
        },
      ]);
    },
  );

  it("attack: no query, whatever is in it, shows a tenant's key what others were told", async () => {
    const key = await reader();
    const words = fc.constantFrom(
      "engineering",
      "password",
      "'; --",
      "%",
      "_",
      "*",
      "budget",
      "預算",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(words, fc.string({ maxLength: 10 }))), async (query) => {
        const { body } = await ask(`q=${encodeURIComponent(query.join(" "))}`, { key });
        expect(JSON.stringify(body)).not.toContain("rotation");
      }),
      { numRuns: 20 },
    );
  });

  it("narrows to a person, and to as many as asked for", async () => {
    await remember("sales", "budget of Mei", "1", "mei");
    const key = await reader(undefined);
    const textsOf = ({ body }: { readonly body: unknown }) =>
      (body as { results: { text: string }[] }).results.map(({ text }) => text);
    const query = "q=budget&tenant=sales";
    expect(textsOf(await ask(query, { key }))).toHaveLength(2);
    expect(textsOf(await ask(`${query}&limit=1`, { key }))).toHaveLength(1);
    const user = encodeURIComponent("slack:corp:MEI");
    expect(textsOf(await ask(`${query}&user=${user}`, { key }))).toEqual(["budget of Mei"]);
  });

  it.each([
    ["", /q: what to look for/],
    ["q=a&limit=0", /limit/],
    ["q=a&limit=101", /limit/],
    ["q=a&user=wei", /user: channel:workspace:user/],
    ["q=a&nonsense=1", /nonsense/],
    [`q=${"x".repeat(1_001)}`, /q: at most 1000/],
  ])("says what is wrong with %j", async (query, message) => {
    const { status, body } = await ask(query, { key: await reader() });
    expect({ status, body }).toMatchObject({
      status: 400,
      body: { error: { code: "BAD_REQUEST", message: expect.stringMatching(message) } },
    });
  });
});
