import type Router from "@koa/router";
import type { ChannelAdapter } from "../core/contract/channel.ts";
import type { Inbox } from "../core/delivery/inbox.ts";
import type { Sandbox, SandboxStatus } from "../sandbox/driver.ts";

type Check = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface HealthParts {
  readonly inbox: Pick<Inbox, "pendingLanes">;
  /** Whether this process wrote to the store lately, as it does all the time. */
  readonly holdsLease: () => boolean;
  readonly adapters: ReadonlyMap<string, ChannelAdapter>;
  readonly sandbox: Pick<Sandbox, "status">;
  /** Absent or undefined where no Redis is used. */
  readonly redis?: () => Check | undefined;
  readonly isDraining: () => boolean;
}

// Skills are off without a sandbox, but messages are still answered; without Redis they are stored
// and wait. Degraded, not unready.
const degradesOnly = (check: string): boolean => check === "sandbox" || check === "redis";

/** Adds `/api/health/live`, `/api/health/ready` and `/api/health`; none of them calls a platform. */
export const addHealthRoutes = (router: Router, parts: HealthParts): void => {
  router.get("/api/health/live", (context) => {
    context.body = { status: "ok" };
  });

  router.get(["/api/health", "/api/health/ready"], async (context) => {
    const sandbox = await statusNow(parts.sandbox);
    const checks: Record<string, Check> = {
      store: await storeCheck(parts),
      ...Object.fromEntries(
        [...parts.adapters].map(([n, a]) => [`channels.${n}`, channelCheck(a)]),
      ),
      sandbox: sandbox.ok ? { ok: true } : { ok: false, reason: sandbox.reason },
    };
    const redis = parts.redis?.();
    if (redis) checks.redis = redis;
    if (parts.isDraining()) checks.gateway = { ok: false, reason: "shutting down" };
    const isReady = Object.entries(checks).every(([name, check]) => check.ok || degradesOnly(name));
    context.status = isReady ? 200 : 503;
    context.body = { status: isReady ? "ready" : "not_ready", checks };
  });
};

const channelCheck = (adapter: ChannelAdapter): Check => {
  const reason = adapter.fault?.();
  return reason === undefined ? { ok: true } : { ok: false, reason };
};

/** What is known of the sandbox without waiting for a self-test that is under way. */
const statusNow = (sandbox: HealthParts["sandbox"]): Promise<SandboxStatus> =>
  Promise.race([
    sandbox.status(),
    new Promise<SandboxStatus>((resolve) => {
      setImmediate(resolve, { ok: false, reason: "self-test is still running" });
    }),
  ]);

const storeCheck = async ({ inbox, holdsLease }: HealthParts): Promise<Check> => {
  try {
    await inbox.pendingLanes(undefined, 1);
  } catch {
    return { ok: false, reason: "the store cannot be read" };
  }
  // A database that only follows another one can be read.
  return holdsLease() ? { ok: true } : { ok: false, reason: "the store cannot be written" };
};
