import { once } from "node:events";
import { request } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type OperatedQueue, operatedQueue } from "../../core/operators/operated-queue.ts";
import { eventually } from "../../fakes/eventually.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type ApiServer, type Asked, startApi } from "./api-server.ts";

const folder = temporaryFolder();
const errorOf = (code: string, message: RegExp = /./) => ({
  error: { code, message: expect.stringMatching(message) },
});

describeStores("the operators' API", (world) => {
  let at: OperatedQueue;
  let api: ApiServer;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path);
    api = await startApi(world.store, at);
  });
  afterEach(() => api.close());
  const ask = (method: string, path: string, asked?: Asked) => api.ask(method, path, asked);
  const dead = async (key: string, tenantId = "sales") => {
    const id = await at.answered(key, ["PLANTED one", "PLANTED two"], tenantId);
    at.channel.outcomes.push({ kind: "delivered" }, { kind: "refused", reason: "60111" });
    await at.send(key, tenantId);
    await at.send(key, tenantId);
    return id;
  };
  const records = async () =>
    (await world.sql("SELECT * FROM audit ORDER BY tenant_id, seq")).map(
      ({ tenant_id, sender_id, action, subject, decision, code }) =>
        [tenant_id, sender_id, action, subject, decision, code].join(" "),
    );

  it("lists what waits with ages and depths, and to an operator what the process did", async () => {
    const id = await dead("a");
    await at.waiting("b", "support");
    api.counters.accepted = 7;
    const key = await api.key({ tenantId: undefined });
    const { status, body, headers } = await ask("GET", "/api/queue?state=dead&limit=1", { key });
    expect(status).toBe(200);
    expect(headers["cache-control"]).toBe("no-store");
    expect(body).toMatchObject({
      messages: [{ id, tenant: "sales", state: "dead", reason: "60111" }],
      next: null,
      depths: [
        { tenant: "support", state: "waiting", messages: 1, oldest_age_seconds: 0 },
        { tenant: "sales", state: "dead", messages: 1 },
      ],
      process: { accepted: 7, sends: { delivered: 0 }, dead_letters: 0 },
    });
    expect(JSON.stringify(body)).not.toContain("PLANTED");
  });

  it("shows what is counted to an operator's key, as text", async () => {
    const key = await api.key({ tenantId: undefined, permissions: ["metrics:view"] });
    const { status, body, headers } = await ask("GET", "/metrics", { key });
    expect([status, body]).toEqual([200, "clawgate_test 1\n"]);
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(headers["cache-control"]).toBe("no-store");
  });

  it("attack: a tenant's key, or an operator's made as narrow, gets no figures of others", async () => {
    const permissions = ["*"] as const;
    const tenants = await api.key({ permissions });
    const operators = await api.key({ tenantId: undefined, permissions });
    const narrowed = { key: operators, headers: { "X-Tenant-ID": "sales" } };
    for (const asked of [{ key: tenants }, narrowed]) {
      const { status, body } = await ask("GET", "/metrics", asked);
      expect([status, body]).toEqual([403, errorOf("FORBIDDEN", /without --tenant/)]);
    }
    const refused = (await records()).filter((record) => record.includes(" api metrics:view "));
    expect(refused).toHaveLength(2);
  });

  it("shows one message with the parts of its reply", async () => {
    const id = await dead("a");
    const shown = await ask("GET", `/api/queue/${id}`, { key: await api.key() });
    expect(shown).toMatchObject({
      status: 200,
      body: { message: { id, reply: [{ state: "delivered" }, { state: "dead" }] } },
    });
    expect(JSON.stringify(shown)).not.toContain("PLANTED");
  });

  it("replays and drops, and wakes the conversation at once", async () => {
    const [one, two] = [await dead("a"), await dead("b")];
    const key = await api.key({ permissions: ["queue:manage"] });
    expect(await ask("POST", `/api/queue/${one}/replay`, { key })).toMatchObject({
      status: 200,
      body: { message: { id: one, state: "sending" } },
    });
    expect(await ask("DELETE", `/api/queue/${two}`, { key })).toMatchObject({
      status: 200,
      body: { message: { id: two, state: "done", reason: "dropped by an operator" } },
    });
    expect(api.woken).toEqual([
      { id: '["test","corp","sales/a"]', tenantId: "sales" },
      { id: '["test","corp","sales/b"]', tenantId: "sales" },
    ]);
  });

  it("says why a change is not to be had", async () => {
    const key = await api.key({ permissions: ["queue:manage"] });
    const waiting = await at.waiting("a");
    const running = await at.running("b");
    for (const [method, path, status, code] of [
      ["POST", `/api/queue/${waiting}/replay`, 409, "NOT_DEAD"],
      ["DELETE", `/api/queue/${running}`, 409, "UNDER_WAY"],
      ["DELETE", "/api/queue/999", 404, "NOT_FOUND"],
    ] as const) {
      expect(await ask(method, path, { key })).toMatchObject({ status, body: errorOf(code) });
    }
    expect(api.woken).toEqual([]);
  });

  it("creates, lists and revokes keys", async () => {
    const key = await api.key({ tenantId: undefined, permissions: ["*"] });
    const made = await ask("POST", "/api/keys", {
      key,
      body: { tenant: "support", label: "pager", permissions: ["queue:view"], expires_in: "1d" },
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        tenant: "support",
        permissions: ["queue:view"],
        expires_at: new Date(at.clock + 86_400_000).toISOString(),
      },
    });
    const { id, key: text } = made.body as { readonly id: string; readonly key: string };
    expect((await ask("GET", "/api/queue", { key: text })).status).toBe(200);
    const listed = await ask("GET", "/api/keys", { key });
    expect(listed.body).toMatchObject({ keys: [{ tenant: null }, { id, tenant: "support" }] });
    expect(JSON.stringify(listed)).not.toContain(text.split("_").at(-1));
    expect((await ask("DELETE", `/api/keys/${id}`, { key })).status).toBe(200);
    expect((await ask("GET", "/api/queue", { key: text })).status).toBe(401);
    expect(await ask("DELETE", "/api/keys/0000000000000000", { key })).toMatchObject({
      status: 404,
    });
  });

  it("puts everything on record with the id of the key", async () => {
    const id = await dead("a");
    const key = await api.key({ tenantId: undefined, permissions: ["*"] });
    const who = key.split("_").at(-2);
    for (const [method, path] of [
      ["GET", "/api/queue"],
      ["GET", `/api/queue/${id}`],
      ["POST", `/api/queue/${id}/replay`],
      ["GET", "/api/keys"],
    ] as const) {
      expect((await ask(method, path, { key })).status).toBe(200);
    }
    expect((await records()).slice(1)).toEqual([
      `_platform ${who} queue.list queue allowed OK`,
      `_platform ${who} queue.show ${id} allowed OK`,
      `_platform ${who} key.list keys allowed OK`,
      `sales ${who} queue.replay ${id} allowed OK`,
    ]);
  });

  it("attack: no route but health answers without a key, on loopback either", async () => {
    const asked: string[] = [];
    for (const { path, methods } of api.router.stack) {
      for (const method of methods) {
        const target = String(path).replaceAll(/:\w+/g, "1");
        const { status } = await ask(method, target);
        asked.push(`${method} ${path}`);
        if (/^\/api\/health(\/(live|ready))?$/.test(target)) expect(status).toBe(200);
        else expect(`${method} ${target} ${status}`).toBe(`${method} ${target} 401`);
      }
    }
    expect(asked).toContain("DELETE /api/queue/:id");
    expect(asked).toContain("HEAD /api/queue");
    expect(asked.length).toBeGreaterThan(10);
  });

  it("attack: a key that does not count is answered like none, byte by byte", async () => {
    const key = await api.key();
    const revoked = await api.key();
    await world.sql(`UPDATE api_keys SET revoked_at = 1 WHERE id = '${revoked.split("_").at(-2)}'`);
    const expired = await api.key({ expiresAt: new Date(at.clock) });
    const last = key.endsWith("0") ? "1" : "0";
    const answers = [
      await ask("GET", "/api/queue"),
      await ask("GET", "/api/queue", { key: "nonsense" }),
      await ask("GET", "/api/queue", { key: revoked }),
      await ask("GET", "/api/queue", { key: expired }),
      await ask("GET", "/api/queue", { key: key.slice(0, -1) + last }),
      await ask("GET", "/api/queue", { headers: { Authorization: `Basic ${key}` } }),
      await ask("POST", "/api/keys", { key: "nonsense", body: "{" }),
    ];
    const [first] = answers;
    expect(first).toMatchObject({ status: 401, body: errorOf("UNAUTHORIZED", /key create/) });
    expect(first?.headers["www-authenticate"]).toBe("Bearer");
    for (const { status, body } of answers) {
      expect({ status, body }).toEqual({ status: 401, body: first?.body });
    }
  });

  it("attack: a key does nothing that it has no permission for, and that is on record", async () => {
    const id = await dead("a");
    const key = await api.key({ permissions: ["queue:view"] });
    for (const [method, path] of [
      ["POST", `/api/queue/${id}/replay`],
      ["DELETE", `/api/queue/${id}`],
      ["GET", "/api/keys"],
      ["POST", "/api/keys"],
    ] as const) {
      const answer = await ask(method, path, { key });
      expect(answer).toMatchObject({ status: 403, body: errorOf("FORBIDDEN", /permission/) });
    }
    const who = key.split("_").at(-2);
    expect((await records()).at(1)).toBe(`sales ${who} api queue:manage refused FORBIDDEN`);
    expect((await ask("GET", `/api/queue/${id}`, { key })).body).toMatchObject({
      message: { state: "dead" },
    });
  });

  it("attack: a tenant's key cannot see, replay or drop another tenant's message", async () => {
    const theirs = await dead("secret", "support");
    const key = await api.key({ permissions: ["*"] });
    const list = await ask("GET", "/api/queue", { key });
    expect(list.body).toEqual({ messages: [], next: null, depths: [] });
    for (const [method, path] of [
      ["GET", "/api/queue/ID"],
      ["POST", "/api/queue/ID/replay"],
      ["DELETE", "/api/queue/ID"],
    ] as const) {
      const answer = await ask(method, path.replace("ID", String(theirs)), { key });
      const absent = await ask(method, path.replace("ID", "999"), { key });
      expect(answer.status).toBe(404);
      // Nothing tells it from a message that does not exist.
      expect(JSON.stringify(answer.body)).toBe(
        JSON.stringify(absent.body).replaceAll("999", String(theirs)),
      );
    }
    const operator = await api.key({ tenantId: undefined });
    expect((await ask("GET", `/api/queue/${theirs}`, { key: operator })).body).toMatchObject({
      message: { state: "dead" },
    });
  });

  it("attack: a narrowed operator's key makes no key wider than it is narrowed to, nor for no tenant", async () => {
    const key = await api.key({ tenantId: undefined, permissions: ["*"] });
    const make = (narrowedTo: string, tenant?: string) =>
      ask("POST", "/api/keys", {
        key,
        headers: { "X-Tenant-ID": narrowedTo },
        body: { label: "x", permissions: ["queue:view"], tenant },
      });
    for (const [narrowedTo, tenant] of [
      ["_platform", undefined],
      ["_platform", "_platform"],
      ["_platform", "sales"],
      ["sales", "_platform"],
      ["sales", "support"],
    ] as const) {
      expect(await make(narrowedTo, tenant), `${narrowedTo} ${tenant}`).toMatchObject({
        status: 403,
        body: errorOf("KEY_TOO_MIGHTY"),
      });
    }
    expect(await make("ghost")).toMatchObject({ status: 404, body: errorOf("NOT_FOUND", /ghost/) });
    const body = { label: "x", permissions: ["queue:view"], tenant: "ghost" };
    expect(await ask("POST", "/api/keys", { key, body })).toMatchObject({
      status: 400,
      body: errorOf("BAD_REQUEST", /ghost/),
    });
    expect(await make("sales")).toMatchObject({ status: 201, body: { tenant: "sales" } });
  });

  it("attack: X-Tenant-ID makes a key less, never more", async () => {
    const ours = await dead("a");
    const theirs = await dead("b", "support");
    const get = async (key: string, tenant: string) => {
      const headers = { "X-Tenant-ID": tenant };
      const { status, body } = await ask("GET", "/api/queue", { key, headers });
      const { messages } = body as { readonly messages?: readonly { readonly id: number }[] };
      return messages ? messages.map(({ id }) => id) : status;
    };
    const key = await api.key();
    const operator = await api.key({ tenantId: undefined });
    expect(await get(key, "sales")).toEqual([ours]);
    expect(await get(key, "support")).toBe(403);
    expect(await get(key, "_platform")).toBe(403);
    expect(await get(operator, "support")).toEqual([theirs]);
    expect(await get(operator, "_platform")).toEqual([]);
    expect(await get(operator, "sales, support")).toBe(400);
    // Nor does it know what its process does for the others.
    const headers = { "X-Tenant-ID": "support" };
    const narrowed = await ask("GET", "/api/queue", { key: operator, headers });
    expect(narrowed.body).not.toHaveProperty("process");
  });

  it("makes no log for a tenant that X-Tenant-ID misspells", async () => {
    const key = await api.key({ tenantId: undefined, permissions: ["*"] });
    const headers = { "X-Tenant-ID": "sale" };
    for (const [method, path] of [
      ["GET", "/api/approvals"],
      ["GET", "/api/tenants"],
      ["POST", "/api/queue/7/replay"],
    ] as const) {
      const { status, body } = await ask(method, path, { key, headers });
      expect([status, body]).toMatchObject([404, { error: { code: "NOT_FOUND" } }]);
    }
    const chains = await world.sql("SELECT tenant_id FROM audit_heads ORDER BY tenant_id");
    expect(chains.map(({ tenant_id }) => tenant_id)).not.toContain("sale");
  });

  it("attack: a key cannot make a key with more permissions or a wider tenant", async () => {
    const key = await api.key({ permissions: ["key:manage", "queue:view"] });
    const body = { label: "child", permissions: ["queue:view"] };
    const made = await ask("POST", "/api/keys", { key, body });
    // As wide as its maker when it does not say.
    expect(made).toMatchObject({ status: 201, body: { tenant: "sales" } });
    for (const more of [
      { permissions: ["*"] },
      { permissions: ["queue:view", "queue:manage"] },
      { tenant: "support" },
      { tenant: "_platform" },
      { tenant: "no such tenant" },
    ]) {
      const refused = await ask("POST", "/api/keys", { key, body: { ...body, ...more } });
      expect(refused).toMatchObject({ status: 403, body: errorOf("KEY_TOO_MIGHTY") });
    }
    const operator = await api.key({ tenantId: undefined, permissions: ["*"] });
    const headers = { "X-Tenant-ID": "sales" };
    const narrowed = await ask("POST", "/api/keys", { key: operator, headers, body });
    expect(narrowed.body).toMatchObject({ tenant: "sales" });
    expect(
      await ask("POST", "/api/keys", { key: operator, body: { ...body, tenant: "sals" } }),
    ).toMatchObject({ status: 400, body: errorOf("BAD_REQUEST", /no sals/) });
  });

  it("attack: a request held open until its key is revoked does nothing", async () => {
    let looks = 0;
    const { store } = world;
    const watched = await startApi(
      { ...store, read: (...of) => store.read(...of).finally(() => looks++) },
      at,
    );
    try {
      const text = await api.key({ permissions: ["*"] });
      const held = request({
        ...{ host: "127.0.0.1", port: watched.port, method: "POST", path: "/api/keys" },
        headers: { Authorization: `Bearer ${text}`, "Content-Type": "application/json" },
      });
      held.write("{");
      await eventually(() => expect(looks).toBe(1));
      await world.sql("UPDATE api_keys SET revoked_at = 1");
      held.end('"label":"x","permissions":["*"]}');
      const [response] = await once(held, "response");
      response.resume();
      expect(response.statusCode).toBe(401);
      expect(await world.sql("SELECT id FROM api_keys")).toHaveLength(1);
    } finally {
      await watched.close();
    }
  });

  it("attack: a tenant's key sees and revokes no other tenant's keys", async () => {
    const theirs = await api.key({ tenantId: "support" });
    const id = theirs.split("_").at(-2);
    const key = await api.key({ permissions: ["*"] });
    const { keys } = (await ask("GET", "/api/keys", { key })).body as { readonly keys: object[] };
    expect(keys).toHaveLength(1);
    expect((await ask("DELETE", `/api/keys/${id}`, { key })).status).toBe(404);
    expect((await ask("GET", "/api/queue", { key: theirs })).status).toBe(200);
  });

  it("attack: brute force is slowed down, on loopback too, also for a right key", async () => {
    const key = await api.key();
    const wrong = key.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    for (let attempt = 0; attempt < 10; attempt++) {
      const { status } = await ask("GET", "/api/queue", { key: wrong });
      expect(status).toBe(attempt < 9 ? 401 : 429);
      at.clock += 1_000;
    }
    const refused = await ask("GET", "/api/queue", { key });
    expect(refused).toMatchObject({ status: 429, body: errorOf("TOO_MANY_ATTEMPTS", /50 s/) });
    expect(refused.headers["retry-after"]).toBe("50");
    at.clock += 50_000;
    expect((await ask("GET", "/api/queue", { key })).status).toBe(200);
    // A flood of attempts is not a flood of records.
    const kinds = (await records()).filter((record) => record.includes(" api "));
    expect(kinds).toEqual([
      "_platform  api request refused UNAUTHORIZED",
      "_platform  api request refused TOO_MANY_ATTEMPTS",
    ]);
  });

  it("does not lock an address out for asking without a key", async () => {
    for (let attempt = 0; attempt < 12; attempt++) await ask("GET", "/api/queue");
    expect((await ask("GET", "/api/queue", { key: await api.key() })).status).toBe(200);
  });

  it("attack: a rebound name and a page of another site are refused before the key is looked at", async () => {
    const key = await api.key();
    const get = async (headers: Record<string, string>) => {
      const { status, body } = await ask("GET", "/api/queue", { key, headers });
      return status === 200 ? 200 : (body as { error: { code: string } }).error.code;
    };
    const own = `127.0.0.1:${api.port}`;
    expect(await get({ Host: `evil.example:${api.port}` })).toBe("FOREIGN_HOST");
    expect(await get({ Host: "" })).toBe("FOREIGN_HOST");
    expect(await get({ Host: `localhost:${api.port}` })).toBe(200);
    expect(await get({ Host: own, Origin: "https://evil.example" })).toBe("FOREIGN_ORIGIN");
    expect(await get({ Host: own, Origin: "null" })).toBe("FOREIGN_ORIGIN");
    expect(await get({ Host: own, Origin: "http://127.0.0.1:1" })).toBe("FOREIGN_ORIGIN");
    expect(await get({ Host: own, Origin: `http://${own}` })).toBe(200);
    const health = await ask("GET", "/api/health", { headers: { Host: "evil.example" } });
    expect(health.status).toBe(200);
  });

  it("reads only what it knows: strict queries, paths and bodies", async () => {
    const key = await api.key({ permissions: ["*"] });
    const good = { label: "x", permissions: ["queue:view"] };
    for (const [method, path, body, message] of [
      ["GET", "/api/queue?state=lost", undefined, /^query: state: /],
      ["GET", "/api/queue?limit=0", undefined, /^query: limit: /],
      ["GET", "/api/queue?limit=1&limit=2", undefined, /^query: limit: /],
      ["GET", "/api/queue?tenant=support", undefined, /tenant/],
      ["GET", "/api/queue/1e3", undefined, /^path: id: a whole number/],
      ["DELETE", "/api/keys/..%2f", undefined, /^path: id: 16 hex digits/],
      ["POST", "/api/keys", { ...good, admin: true }, /admin/],
      ["POST", "/api/keys", { ...good, label: "\u0007" }, /^body: label: one line/],
      ["POST", "/api/keys", { ...good, permissions: ["root"] }, /there are queue:view, /],
      ["POST", "/api/keys", { ...good, permissions: [] }, /permissions/],
      ["POST", "/api/keys", { ...good, expires_in: "soon" }, /e\.g\. 90d/],
      ["POST", "/api/keys", "[", /not JSON/],
      ["POST", "/api/queue/1/replay", { force: true }, /force/],
    ] as const) {
      const answer = await ask(method, path, { key, body });
      expect(answer, path).toMatchObject({ status: 400, body: errorOf("BAD_REQUEST", message) });
    }
  });

  it("reads no long, compressed or unnamed body", async () => {
    const key = await api.key({ permissions: ["*"] });
    const post = async (asked: Asked) => (await ask("POST", "/api/keys", { key, ...asked })).status;
    expect(await post({ body: " ".repeat(20_000) })).toBe(413);
    expect(await post({ body: "{}", headers: { "Content-Encoding": "gzip" } })).toBe(415);
    expect(await post({ body: "{}", headers: { "Content-Type": "text/plain" } })).toBe(415);
  });

  it("says to try again when the store is away, and logs it", async () => {
    const key = await api.key();
    await world.closeAll();
    const answer = await ask("GET", "/api/queue", { key });
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(answer.body).toMatchObject(errorOf(answer.status === 503 ? "STORE_FAILED" : "INTERNAL"));
    expect(api.log.lines.at(-1)).toMatchObject({ level: "error", text: "API request failed" });
  });
});
