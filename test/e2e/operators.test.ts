import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { eventually } from "../fakes/eventually.ts";
import { readExposition } from "../fakes/exposition-text.ts";
import { startWecomGateway, type WecomGateway } from "../fakes/wecom-gateway.ts";

const main = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

let world: WecomGateway;
beforeEach(async () => {
  world = await startWecomGateway();
});
afterEach(() => world.close());

/** What `clawgate … --json` prints beside the running gateway. */
const clawgate = async (...words: readonly string[]) => {
  const args = [main, ...words, "--json", "--settings", "settings.json"];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: world.gateway.folder,
  });
  return JSON.parse(stdout);
};

/** A message whose answer the platform refuses for good; its id in the list of dead letters. */
const deadLetter = async (): Promise<number> => {
  let finish = () => {};
  const thinking = new Promise<void>((resolve) => {
    finish = resolve;
  });
  world.model.otherwise(async () => {
    await thinking;
    return { kind: "text", text: "PLANTED answer" };
  });
  world.cloud.failNext("send", { errcode: 60020 });
  const inner = world.cloud.text("wei", "PLANTED question");
  await world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
  // Too late for the callback's own response, so that it is sent.
  finish();
  return vi.waitFor(
    async () => {
      const { messages } = await clawgate("queue", "list", "--state", "dead");
      expect(messages).toHaveLength(1);
      expect(JSON.stringify(messages)).not.toContain("PLANTED");
      return messages[0].id;
    },
    { timeout: 10_000, interval: 100 },
  );
};

it("a dead letter that is replayed over HTTP is delivered at once, and once", async () => {
  const id = await deadLetter();
  const { key } = await clawgate(
    ...["key", "create", "--tenant", "staff", "--label", "pager"],
    ...["--permission", "queue:view", "--permission", "queue:manage"],
    ...["--permission", "tenant:view", "--permission", "skill:view"],
  );
  const ask = async (method: string, path: string) => {
    const headers = { authorization: `Bearer ${key}` };
    const response = await fetch(`${world.gateway.url}${path}`, { method, headers });
    return (await response.json()) as Readonly<Record<string, unknown>>;
  };
  expect(await ask("GET", "/api/tenants")).toMatchObject({ tenants: [{ id: "staff" }] });
  const { skills } = await ask("GET", "/api/skills");
  expect(skills).toContainEqual(expect.objectContaining({ name: "spinner", risk: "low" }));
  expect(await ask("GET", "/api/openapi.json")).toMatchObject({ openapi: "3.1.0" });
  expect(await ask("GET", "/api/queue")).toMatchObject({
    messages: [{ id, tenant: "staff", state: "dead", reason: expect.stringContaining("60020") }],
  });
  const all = await clawgate(
    "key",
    "create",
    "--label",
    "prometheus",
    "--permission",
    "metrics:view",
  );
  const scrape = async (bearer: string) => {
    const headers = { authorization: `Bearer ${bearer}` };
    return fetch(`${world.gateway.url}/metrics`, { headers });
  };
  expect((await scrape(key)).status).toBe(403);
  const text = await (await scrape(all.key)).text();
  expect(text).not.toContain("PLANTED");
  const samples = readExposition(text);
  const channel = "wechat_work";
  const own = { tenant: "staff", channel };
  for (const [name, labels, value] of [
    ["clawgate_callbacks_total", { ...own, kind: "text", stage: "store", outcome: "new" }, 1],
    ["clawgate_callback_ack_seconds_count", { channel }, 1],
    ["clawgate_turns_total", { ...own, decision: "answered", attempt: "first" }, 1],
    ["clawgate_turn_seconds_count", { channel }, 1],
    ["clawgate_sends_total", { ...own, outcome: "refused", attempt: "first" }, 1],
    ["clawgate_platform_api_calls_total", { channel, code: "60020" }, 1],
    ["clawgate_token_refreshes_total", { channel, outcome: "granted" }, 1],
    ["clawgate_dead_letters_total", {}, 1],
    ["clawgate_queue_messages", { tenant: "staff", state: "dead" }, 1],
    ["clawgate_budget_spent_usd", { tenant: "staff" }, 0],
    ["clawgate_store_figures_ok", {}, 1],
  ] as const) {
    expect(samples).toContainEqual({ name, labels, value });
  }
  expect(samples).toContainEqual(
    expect.objectContaining({
      name: "clawgate_model_calls_total",
      labels: expect.objectContaining({ tenant: "staff", outcome: "OK" }),
      value: 1,
    }),
  );
  expect(await ask("POST", `/api/queue/${id}/replay`)).toMatchObject({
    message: { id, state: "sending" },
  });
  // Sooner than a sweep would find it.
  await world.cloud.waitForSeen("wei", 1, 5_000);
  await eventually(async () => expect((await ask("GET", "/api/queue")).messages).toEqual([]));
  expect(world.cloud.seen("wei")).toMatchObject([{ via: "send", text: "PLANTED answer" }]);
  expect(world.cloud.sendCalls).toHaveLength(2);
  // It was answered before: nobody asked the model again.
  expect(world.model.requests).toHaveLength(1);
});

it("a dead letter that is replayed from the command line is found by the running gateway", async () => {
  const id = await deadLetter();
  expect(await clawgate("queue", "replay", String(id))).toMatchObject({ ok: true });
  await world.cloud.waitForSeen("wei", 1, 20_000);
  expect(world.cloud.seen("wei")).toHaveLength(1);
  const actions = world.gateway.audit().map(({ sender_id, action }) => `${sender_id} ${action}`);
  expect(actions).toContain("cli queue.replay");
});
