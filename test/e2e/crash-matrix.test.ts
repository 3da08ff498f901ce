import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { TracePoint } from "../../core/contract/trace-points.ts";
import { crowd, timesAsked } from "../fakes/crowd.ts";
import { createFleet, type Fleet, type FleetOptions } from "../fakes/fleet.ts";
import { lacks } from "../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../fakes/postgres-server.ts";
import { type RedisServer, startRedis } from "../fakes/redis-server.ts";

const POINTS: readonly TracePoint[] = [
  "received",
  "stored",
  "acknowledged",
  "running",
  "model_answered",
  "reply_stored",
  "sending",
  "sent",
  "delivered",
];
const CONVERSATIONS = 100;
// Somewhere in the middle of every point, and while replies still travel in responses.
const KILLED_AT = 30;
// Where others may be at work, a dead process keeps its messages for 15 s, its conversations in Redis
// for 30 s, and a reply whose response nobody can vouch for waits for redeliveries for 20 s.
const SETTLED_MS = 90_000;
const CELL_MS = 200_000;
// A gateway takes seconds of the processor to start, and one that is back later than 8 s after a reply
// cannot know any more whether the response that carried it arrived.
vi.setConfig({ maxConcurrency: 3 });

const killedAt = (point: TracePoint) => ({
  nodeArguments: ["--import", join(import.meta.dirname, "..", "fakes", "crash-at.mjs")],
  environment: { CRASH_AT: `${point}:${KILLED_AT}` },
});

/** Kills a process at the point with all conversations in flight, starts the next, and looks at what came of it. */
const expectAnsweredOnce = async (
  fleet: Fleet,
  point: TracePoint,
  isEmbedded: boolean,
): Promise<void> => {
  const { cloud, model, processes } = fleet;
  const [gateway] = processes;
  const questions = crowd(CONVERSATIONS);
  await fleet.start(killedAt(point));
  const asked = fleet.ask(questions);
  expect(await gateway?.ended()).toBe("SIGKILL");
  await fleet.start();
  expect(await asked).toBe(CONVERSATIONS);
  await fleet.quiet(CONVERSATIONS, SETTLED_MS);

  // The whole answer, its parts in order, nothing twice.
  for (const { user, answer } of questions) expect(fleet.seen(user)).toBe(answer);
  const states = await fleet.states();
  expect(states["inbox done"]).toBe(CONVERSATIONS);
  expect(Object.keys(states).sort()).toEqual(["inbox done", "outbox delivered"]);
  // Only the process that died has asked in vain. (A PostgreSQL that a busy machine keeps waiting
  // can cost a turn that its storing timed out; it is done again, and still seen once.)
  if (isEmbedded) {
    for (const times of timesAsked(model).values()) expect(times).toBeLessThanOrEqual(2);
  }

  // Node says so when listeners pile up.
  expect(gateway?.output).not.toContain("Warning:");

  const ways = questions.flatMap(({ user }) => cloud.seen(user).map(({ via }) => via));
  const shownBySend = ways.filter((via) => via === "send").length;
  expect(shownBySend).toBeGreaterThan(0);
  // The platform took at least one that nobody had recorded: it was sent again and shown once.
  if (point === "sent") expect(cloud.sendCalls.length).toBeGreaterThan(shownBySend);
};

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

const matrix = (name: string, servers: () => FleetOptions): void => {
  it.concurrent.for(POINTS)(`${name}: killed at "%s"`, { timeout: CELL_MS }, async (point) => {
    const options = servers();
    const fleet = await createFleet(options);
    try {
      await expectAnsweredOnce(fleet, point, options.postgres === undefined);
    } catch (cause) {
      throw new Error(`${messageOf(cause)}\n${fleet.complaints()}`, { cause });
    } finally {
      await fleet.close();
    }
  });
};

describe("a process that is killed with 100 conversations in flight, and started again", () => {
  matrix("SQLite", () => ({}));

  describe.skipIf(lacks("postgresql", "redis-server"))("on servers", () => {
    let postgres: PostgresServer;
    let redis: RedisServer;
    beforeAll(async () => {
      [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    });
    afterAll(() => Promise.all([postgres?.close(), redis?.close()]));
    matrix("PostgreSQL", () => ({ postgres }));
    matrix("PostgreSQL and Redis", () => ({ postgres, redis }));
  });
});
