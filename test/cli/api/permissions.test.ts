import { afterEach, beforeEach, expect, it } from "vitest";
import { OPERATIONS } from "../../../core/operators/permission-table.ts";
import { PERMISSIONS, type Permission } from "../../../core/operators/permissions.ts";
import { type OperatedQueue, operatedQueue } from "../../core/operators/operated-queue.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type ApiServer, startApi } from "./api-server.ts";

const folder = temporaryFolder();

// The only things that are to be had without a key. Webhooks and the redirects of an installation
// do not pass through this router: each channel verifies its platform's signature.
const OPEN = ["/api/health", "/api/health/live", "/api/health/ready"];

describeStores("the permissions of routes", (world) => {
  let at: OperatedQueue;
  let api: ApiServer;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path);
    api = await startApi(world.store, at);
  });
  afterEach(() => api.close());

  /** Every route that the router really has, HEAD aside, which is GET without its body. */
  const routes = () =>
    api.router.stack.flatMap(({ path, methods }) =>
      methods
        .filter((method) => method !== "HEAD")
        .map((method) => ({ method, path: String(path) }))
        .filter(({ path: of }) => !OPEN.includes(of)),
    );

  it("are all in the one table, and the table has no other route", () => {
    const served = routes().map(({ method, path }) => `${method} ${path}`);
    const declared = OPERATIONS.flatMap((each) => ("http" in each ? [each.http] : []));
    expect(served.sort()).toEqual([...declared].sort());
  });

  it("attack: no route answers without a key, or with one that was made up", async () => {
    const madeUp = `clawgate_sales_${"0".repeat(16)}_${"0".repeat(64)}`;
    for (const { method, path } of routes()) {
      const asked = path.replaceAll(/:\w+/g, "1");
      // Ten wrong keys a minute are answered with 401, the next with 429.
      at.clock += 60_000;
      for (const key of [undefined, madeUp]) {
        const { status } = await api.ask(method, asked, { key });
        expect({ method, path, status }).toEqual({ method, path, status: 401 });
      }
    }
  });

  it("leave open to any key only what is no tenant's", () => {
    const open = OPERATIONS.filter(({ needs }) => needs === "any key");
    expect(open).toMatchObject([{ http: "GET /api/openapi.json" }]);
  });

  it("attack: no route answers a key that has every permission but its own", async () => {
    const names = Object.keys(PERMISSIONS) as Permission[];
    const keys = new Map<string, string>();
    for (const operation of OPERATIONS) {
      if (!("http" in operation) || operation.needs === "any key") continue;
      const needed = operation.needs;
      const others = names.filter((name) => name !== needed && name !== "*");
      const key = keys.get(needed) ?? (await api.key({ permissions: others }));
      keys.set(needed, key);
      const [method = "", path = ""] = operation.http.replaceAll(/:\w+/g, "1").split(" ");
      const { status, body } = await api.ask(method, path, { key });
      expect({ route: operation.http, status, body }).toMatchObject({
        status: 403,
        body: { error: { code: "FORBIDDEN", message: expect.stringContaining(needed) } },
      });
    }
    expect(keys.size).toBeGreaterThan(2);
  });
});
