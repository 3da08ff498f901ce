import { afterEach, beforeEach, expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { isCertified } from "../../../core/data-rights/certificate.ts";
import { createLegalHolds } from "../../../core/memory/legal-holds.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { type OperatedQueue, operatedQueue } from "../../core/operators/operated-queue.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type ApiServer, type Asked, startApi } from "./api-server.ts";

const folder = temporaryFolder();
const scope = tenantScope("sales");
const WEI = { user: "slack:corp:wei" };

describeStores("a person's rights over HTTP", (world) => {
  let at: OperatedQueue;
  let api: ApiServer;
  let key: string;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path, Date.parse("2026-03-01T00:00:00Z"));
    api = await startApi(world.store, at);
    key = await api.key({ permissions: ["memory:manage"] });
    for (const sender of ["wei", "mei"]) {
      const message = { ...textMessage("m", "", sender), channel: "slack" };
      const exchange = { question: `${sender} asks`, answer: "ok", isSensitive: false };
      await world.store.write(scope, await api.memory.prepare(scope, message, exchange));
    }
  });
  afterEach(() => api.close());

  const post = (what: "export" | "erase", asked: Asked, query = "") =>
    api.ask("POST", `/api/data-rights/${what}${query}`, { key, body: WEI, ...asked });
  const questions = async () =>
    (await api.memory.search(scope, { text: "asks", limit: 10 })).map(({ question }) => question);

  it("gives all that is stored about them, and puts on record with which key", async () => {
    const { status, body } = await post("export", {});
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...{ kind: "person_export", tenant: "sales", person: "slack:corp:wei" },
      memory: [{ text: "wei asks", answer: "ok" }],
    });
    expect(JSON.stringify(body)).not.toContain("mei");
    expect(await world.sql("SELECT subject FROM audit WHERE action = 'memory.export'")).toEqual([
      { subject: "person" },
    ]);
  });

  it("erases them and nobody else, and certifies it with the audit key", async () => {
    const { status, body } = await post("erase", {});
    expect(status).toBe(200);
    expect(body).toMatchObject({
      kind: "erasure",
      person: "slack:corp:wei",
      erased: { exchanges: 1 },
    });
    expect(isCertified(body, [api.publicKey()])).toBe(true);
    expect(await questions()).toEqual(["mei asks"]);
  });

  it("erases nothing that a legal hold keeps", async () => {
    const parts = { store: world.store, cipher: at.process.cipher, now: () => new Date(at.clock) };
    const auditLog = createAuditLog(parts.store, parts.cipher);
    const wei = { channel: "slack", workspaceId: "corp", senderId: "wei" };
    await createLegalHolds({ ...parts, auditLog }).hold("cli", scope, wei);
    expect(await post("erase", {})).toMatchObject({
      ...{ status: 409, body: { error: { code: "LEGAL_HOLD" } } },
    });
    expect(await questions()).toHaveLength(2);
  });

  it.each([
    ["of a key that may only search", { permissions: ["memory:view"] }, "", 403],
    ["for another tenant by the query", {}, "?tenant=support", 403],
    ["of another tenant's key", { tenantId: "support" }, "", 200],
  ] as const)(
    "attack: a request %s reaches nothing of this tenant",
    async (_, wanted, query, status) => {
      const other = await api.key({ permissions: ["memory:manage"], ...wanted });
      for (const what of ["export", "erase"] as const) {
        const answer = await post(what, { key: other }, query);
        expect(answer.status).toBe(status);
        expect(JSON.stringify(answer.body)).not.toContain("wei asks");
      }
      expect(await questions()).toHaveLength(2);
    },
  );

  it.each([
    [{}],
    [{ user: "wei" }],
    [{ user: "slack:corp:wei", tenant: "support" }],
    [{ user: "slack:corp:wei\u0000" }],
    [{ user: "slack:co\u001brp:wei" }],
    [{ user: "discord::wei\ud800" }],
    [{ user: ["slack:corp:wei"] }],
  ])("refuses %j, which names nobody, and erases nothing", async (body) => {
    expect(await post("erase", { body })).toMatchObject({
      ...{ status: 400, body: { error: { code: "BAD_REQUEST" } } },
    });
    expect(await questions()).toHaveLength(2);
  });
});
