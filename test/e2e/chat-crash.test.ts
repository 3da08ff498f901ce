import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TracePoint } from "../../core/contract/trace-points.ts";
import { type Askers, runCrashChain } from "../fakes/crash-chain.ts";
import { discordAskers } from "../fakes/discord-askers.ts";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { lacks } from "../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../fakes/postgres-server.ts";
import { type RedisServer, startRedis } from "../fakes/redis-server.ts";
import { slackAskers } from "../fakes/slack-askers.ts";
import { storeRows } from "../fakes/store-rows.ts";

const TAKING: readonly TracePoint[] = ["received", "stored", "acknowledged"];
const ANSWERING: readonly TracePoint[] = [
  ...(["running", "model_answered", "reply_stored"] as const),
  ...(["sending", "sent", "delivered"] as const),
];
// A minute or two; far more on a machine that is busy with other tests.
const CHAIN_MS = 900_000;

const CHANNELS = { Slack: slackAskers, Discord: discordAskers };
type ChannelName = keyof typeof CHANNELS;

interface Servers {
  readonly postgres: PostgresServer;
  readonly redisUrl: string;
}

/** Who dies in a chain: the one process that does everything, or the worker beside a gateway that lives. */
type Victim = "only" | "worker";

const expectAnsweredOnce = async (
  channel: ChannelName,
  victim: Victim,
  points: readonly TracePoint[],
  servers?: Servers,
): Promise<void> => {
  const askers = await CHANNELS[channel]();
  const url = await servers?.postgres.createDatabase();
  const base = gatewayProcess({
    ...askers.settings,
    ...(url !== undefined && { storage: { url } }),
    ...(servers && { queue: { redis_url: servers.redisUrl } }),
    // No skill is used, and without a driver no self-test keeps the machine busy.
    openshell: { isolation: "firecracker" },
  });
  const dies = base.beside({ role: victim === "only" ? "gateway,worker" : "worker" });
  const lives = base.beside({ role: "gateway" });
  const hears = victim === "only" ? dies : lives;
  const isOnServers = servers !== undefined && url !== undefined;
  const rows = storeRows(
    base.folder,
    isOnServers ? { postgres: servers.postgres, url } : undefined,
  );
  try {
    // The gateway first: it is the one that Discord's gateway tells.
    if (hears === lives) await lives.start();
    await dies.start();
    await askers.greet(hears);
    await dies.stop("SIGKILL");
    await runCrashChain({ victim: dies, hears, points, askers, rows });
    // The platform had taken at least one that nobody had recorded: it is looked for, not posted again.
    if (points.includes("sent")) expect(askers.lookedBack()).toBeGreaterThan(0);
    expect(dies.output).not.toContain("Warning:");
  } catch (cause) {
    throw new Error(await findings(cause, [dies, lives], askers), { cause });
  } finally {
    await Promise.all([dies.remove(), lives.remove()]);
    await base.remove();
    await askers.close();
  }
};

/** What a person needs who looks for the reason that a chain failed. */
const findings = async (
  cause: unknown,
  processes: readonly GatewayProcess[],
  askers: Askers,
): Promise<string> => {
  const message = cause instanceof Error ? cause.message : String(cause);
  const ends = processes.map(({ output }) => output.trimEnd().split("\n").slice(-15).join("\n"));
  return [message, ...askers.wrong(), ...ends].join("\n");
};

const chain = (
  channel: ChannelName,
  victim: Victim,
  points: readonly TracePoint[],
  servers?: () => Servers,
): void => {
  const name = `${channel}: a process that dies when a message is ${points.join(", ")}`;
  it(name, { timeout: CHAIN_MS }, () => expectAnsweredOnce(channel, victim, points, servers?.()));
};

describe.concurrent("killed with conversations in flight, every question is answered once", () => {
  describe.skipIf(lacks("postgresql", "redis-server"))("on PostgreSQL and Redis", () => {
    let postgres: PostgresServer;
    let redis: RedisServer;
    beforeAll(async () => {
      [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    });
    afterAll(() => Promise.all([postgres?.close(), redis?.close()]));
    const servers = (database: number) => () => ({
      postgres,
      redisUrl: new URL(String(database), redis.url).href,
    });
    chain("Discord", "only", TAKING, servers(0));
    chain("Discord", "worker", ANSWERING, servers(1));
    chain("Slack", "only", TAKING, servers(2));
    chain("Slack", "worker", ANSWERING, servers(3));
  });

  describe("on SQLite", () => {
    chain("Discord", "only", [...TAKING, ...ANSWERING]);
    chain("Slack", "only", [...TAKING, ...ANSWERING]);
  });
});
