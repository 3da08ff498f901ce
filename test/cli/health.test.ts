import type { AddressInfo } from "node:net";
import Router from "@koa/router";
import Koa from "koa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addHealthRoutes, type HealthParts } from "../../cli/health.ts";
import { createInbox } from "../../core/delivery/inbox.ts";
import { openStore } from "../../core/store/open-store.ts";
import type { Store } from "../../core/store/store.ts";
import type { SandboxStatus } from "../../sandbox/driver.ts";
import { fakeChannel } from "../fakes/channel.ts";
import { cipherOn } from "../fakes/cipher.ts";
import { recordedLog } from "../fakes/log.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { fakeSandbox } from "../fakes/turn.ts";

const folder = temporaryFolder();
let store: Store;
let inbox: HealthParts["inbox"];
let close = () => {};

beforeEach(async () => {
  store = await openStore({ url: `file:${folder.path}` });
  const cipher = await cipherOn(store, folder.path);
  const now = () => new Date();
  inbox = createInbox({ store, cipher, owner: "me", now, log: recordedLog() });
});
afterEach(async () => {
  close();
  await store.close();
});

const OK: SandboxStatus = {
  ok: true,
  engine: "gvisor",
  version: "0",
  isolation: "a fake",
  strength: { wall: "kernel in user space", unenforced: [], sees: [] },
};

interface Circumstances {
  readonly status?: Promise<SandboxStatus>;
  readonly sandbox?: HealthParts["sandbox"];
  readonly isDraining?: boolean;
  readonly fault?: string;
  readonly holdsLease?: boolean;
  readonly redis?: HealthParts["redis"];
}

const ask = async (
  path: string,
  {
    status = Promise.resolve(OK),
    sandbox,
    isDraining = false,
    holdsLease = true,
    redis,
    fault,
  }: Circumstances = {},
): Promise<unknown> => {
  const router = new Router();
  addHealthRoutes(router, {
    inbox,
    holdsLease: () => holdsLease,
    adapters: new Map([
      ["wechat_work", Object.assign(fakeChannel("wechat_work"), { fault: () => fault })],
    ]),
    sandbox: sandbox ?? { ...fakeSandbox().sandbox, status: () => status },
    isDraining: () => isDraining,
    ...(redis && { redis }),
  });
  const server = new Koa().use(router.routes()).listen(0, "127.0.0.1");
  close = () => server.close();
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return [response.status, await response.json()];
};

const checks = { store: { ok: true }, "channels.wechat_work": { ok: true }, sandbox: { ok: true } };

describe("health", () => {
  it("says that the process lives, whatever else", async () => {
    await store.close();
    expect(await ask("/api/health/live")).toEqual([200, { status: "ok" }]);
  });

  it.each(["/api/health", "/api/health/ready"])("says at %s that all is well", async (path) => {
    expect(await ask(path)).toEqual([200, { status: "ready", checks }]);
  });

  it("is ready without a sandbox, and says why there is none", async () => {
    const sandbox = { ok: false, reason: "no engine" } as const;
    expect(await ask("/api/health", { status: Promise.resolve(sandbox) })).toEqual([
      200,
      { status: "ready", checks: { ...checks, sandbox } },
    ]);
  });

  it("says when the sandbox failed after it had passed", async () => {
    let status: SandboxStatus = OK;
    const sandbox = { ...fakeSandbox().sandbox, status: async () => status };
    expect(await ask("/api/health", { sandbox })).toMatchObject([200, { checks }]);
    close();
    status = { ok: false, reason: "its kernel died twice" };
    expect(await ask("/api/health", { sandbox })).toMatchObject([
      200,
      { checks: { sandbox: status } },
    ]);
  });

  it("does not wait for the sandbox's self-test", async () => {
    const sandbox = { ok: false, reason: "self-test is still running" };
    expect(await ask("/api/health", { status: new Promise(() => {}) })).toEqual([
      200,
      { status: "ready", checks: { ...checks, sandbox } },
    ]);
  });

  it("is ready while Redis is away, because messages are stored and wait, and says so", async () => {
    const redis = { ok: false, reason: "connect ECONNREFUSED" } as const;
    expect(await ask("/api/health", { redis: () => redis })).toEqual([
      200,
      { status: "ready", checks: { ...checks, redis } },
    ]);
  });

  it("is not ready while one channel cannot work, and says which and why", async () => {
    const fault = "credentials: bot_id or secret is wrong";
    expect(await ask("/api/health", { fault })).toEqual([
      503,
      {
        status: "not_ready",
        checks: { ...checks, "channels.wechat_work": { ok: false, reason: fault } },
      },
    ]);
  });

  it("is not ready while the gateway shuts down", async () => {
    const gateway = { ok: false, reason: "shutting down" };
    expect(await ask("/api/health/ready", { isDraining: true })).toEqual([
      503,
      { status: "not_ready", checks: { ...checks, gateway } },
    ]);
  });

  it("is not ready when the store can be read but not written, as after a failover", async () => {
    const reason = "the store cannot be written";
    expect(await ask("/api/health/ready", { holdsLease: false })).toEqual([
      503,
      { status: "not_ready", checks: { ...checks, store: { ok: false, reason } } },
    ]);
  });

  it("is not ready when the store cannot be read", async () => {
    await store.close();
    expect(await ask("/api/health/ready")).toEqual([
      503,
      {
        status: "not_ready",
        checks: { ...checks, store: { ok: false, reason: "the store cannot be read" } },
      },
    ]);
  });
});
