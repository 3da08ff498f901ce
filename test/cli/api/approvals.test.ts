import { afterEach, beforeEach, expect, it } from "vitest";
import { type OperatedQueue, operatedQueue } from "../../core/operators/operated-queue.ts";
import { textMessage } from "../../fakes/messages.ts";
import { reviewsOf } from "../../fakes/planted-tenant.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type ApiServer, startApi } from "./api-server.ts";

const folder = temporaryFolder();

interface Approvals {
  readonly approvals: readonly { readonly id: string }[];
}

describeStores("approvals over HTTP", (world) => {
  let at: OperatedQueue;
  let api: ApiServer;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path, Date.now());
    api = await startApi(world.store, at);
  });
  afterEach(() => api.close());

  const hold = (id: string, tenantId = "sales") =>
    reviewsOf(at.process, world.store).hold(textMessage(id, "PLANTED"), tenantId, "PLANTED");
  const reviewer = (tenantId?: string) => api.key({ tenantId, permissions: ["content:review"] });
  const list = async (key: string, headers = {}) => {
    const { body } = await api.ask("GET", "/api/approvals", { key, headers });
    return (body as Approvals).approvals.map(({ id }) => id);
  };

  it("lists what a tenant's reviewers wait for, decides on it once, and wakes its conversation", async () => {
    await hold("m1");
    const key = await reviewer("sales");
    const { body } = await api.ask("GET", "/api/approvals", { key });
    expect(body).toMatchObject({
      approvals: [
        { tenant: "sales", holds: "message", text: "PLANTED", sender: { id: "wei" }, terms: [] },
      ],
      pending: 1,
    });
    const [id] = await list(key);
    expect(await api.ask("POST", `/api/approvals/${id}/release`, { key })).toMatchObject({
      ...{ status: 200, body: { approval: { id, tenant: "sales", state: "released" } } },
    });
    expect(api.woken).toEqual([{ id: '["test","corp","wei"]', tenantId: "sales" }]);
    expect(await api.ask("POST", `/api/approvals/${id}/reject`, { key })).toMatchObject({
      ...{ status: 409, body: { error: { code: "ALREADY_RELEASED" } } },
    });
    expect(await list(key)).toEqual([]);
    const records = await world.sql(
      "SELECT sender_id, action, decision, detail FROM audit WHERE action LIKE 'review.%'",
    );
    expect(new Set(records.map(({ action }) => action))).toEqual(
      new Set(["review.list", "review.release", "review.reject"]),
    );
    expect(records.every(({ sender_id }) => sender_id !== "")).toBe(true);
    expect(JSON.stringify(records)).not.toContain("PLANTED");
  });

  it("attack: a key of another tenant, or one for all of them, gets nothing it does not name", async () => {
    await hold("m1");
    const [id] = await list(await reviewer("sales"));
    const other = await reviewer("support");
    expect(await list(other)).toEqual([]);
    expect(await api.ask("POST", `/api/approvals/${id}/release`, { key: other })).toMatchObject({
      ...{ status: 404, body: { error: { code: "NOT_FOUND" } } },
    });
    const headers = { "X-Tenant-ID": "sales" };
    expect(await api.ask("GET", "/api/approvals", { key: other, headers })).toMatchObject({
      status: 403,
    });
    const everybodys = await reviewer();
    expect(await api.ask("GET", "/api/approvals", { key: everybodys })).toMatchObject({
      ...{ status: 400, body: { error: { message: expect.stringContaining("X-Tenant-ID") } } },
    });
    expect(await list(everybodys, headers)).toEqual([id]);
  });

  it("attack: an id that is none finds nothing, and is not put on record as it was sent", async () => {
    const key = await reviewer("sales");
    for (const id of ["PLANTED'--", "%2e%2e%2f", "bcdfghjk"]) {
      const path = `/api/approvals/${encodeURIComponent(id)}/release`;
      expect(await api.ask("POST", path, { key })).toMatchObject({ status: 404 });
    }
    const records = await world.sql("SELECT subject FROM audit WHERE action = 'review.release'");
    expect(records.map(({ subject }) => subject).sort()).toEqual(["", "", "bcdfghjk"]);
  });
});
