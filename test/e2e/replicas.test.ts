import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Pace, type Question, question, timesAsked } from "../fakes/crowd.ts";
import { createFleet, type Fleet } from "../fakes/fleet.ts";
import { lacks } from "../fakes/need-server.ts";
import { type PostgresServer, startPostgres } from "../fakes/postgres-server.ts";
import { type RedisServer, startRedis } from "../fakes/redis-server.ts";

// A dead process keeps its work for 15 s, and a job in Redis for its lease of 30 s.
const SETTLED_MS = 90_000;
const GATEWAYS = [0, 1] as const;
const [FIRST_GATEWAY, SECOND_GATEWAY, FIRST_WORKER] = [0, 1, 2] as const;

let postgres: PostgresServer;
let redis: RedisServer;
let fleet: Fleet;

/** What people asked one after the other, each in a conversation of their own. */
type Talks = readonly (readonly Question[])[];

/** Everybody asks so many questions. */
const talks = (people: number, each: number, pace: (question: number) => Pace): Talks =>
  Array.from({ length: people }, (_, person) =>
    Array.from({ length: each }, (_, index) =>
      question(`person${person}`, String(index), pace(index)),
    ),
  );

const soonOrLong = (index: number): Pace => (index % 2 === 0 ? "soon" : "long");

/** Everybody asks the next question as soon as the platform got the last one off, at either gateway. */
const talk = async (all: Talks): Promise<void> => {
  await Promise.all(
    all.map(async (questions, person) => {
      for (const [index, next] of questions.entries()) {
        expect(await fleet.ask([next], [(person + index) % 2, (person + index + 1) % 2])).toBe(1);
      }
    }),
  );
};

/** Every answer was seen whole, once, in the order of its questions; nothing is left. */
const expectAllAnswered = async (all: Talks): Promise<void> => {
  const count = all.flat().length;
  await fleet.quiet(count, SETTLED_MS);
  for (const questions of all) {
    const user = questions[0]?.user ?? "";
    expect(fleet.seen(user)).toBe(questions.map(({ answer }) => answer).join(""));
  }
  const states = await fleet.states();
  expect(states["inbox done"]).toBe(count);
  expect(Object.keys(states).sort()).toEqual(["inbox done", "outbox delivered"]);
  // Each tenant's audit log is one unbroken chain, whoever wrote it and whoever died over it.
  const logs = await fleet.auditLogs();
  expect(logs.filter(({ problem }) => problem !== undefined)).toEqual([]);
  expect(logs.reduce((sum, { records }) => sum + records, 0)).toBeGreaterThanOrEqual(count);
};

const mostAsked = (): number => Math.max(...timesAsked(fleet.model).values());

/** Runs a fact on a fleet of its own, and says what its processes complained about when it fails. */
const onFleet = async (fact: () => Promise<void>): Promise<void> => {
  try {
    await fact();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${text}\n${fleet.complaints()}`, { cause });
  }
};

const fact = (name: string, body: () => Promise<void>): void => {
  it(name, { timeout: 150_000 }, () => onFleet(body));
};

describe.skipIf(lacks("postgresql", "redis-server"))("several processes", () => {
  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  });
  afterAll(() => Promise.all([postgres?.close(), redis?.close()]));
  afterEach(() => fleet?.close());

  describe("two replicas on PostgreSQL", () => {
    beforeEach(async () => {
      fleet = await createFleet({ postgres, roles: ["gateway,worker", "gateway,worker"] });
      await fleet.start();
    });

    fact("run a message once that each gets five times at the same moment", async () => {
      const { cloud } = fleet;
      const [one] = talks(1, 1, () => "late");
      const { user, text } = one?.[0] ?? question("", "", "late");
      const inner = cloud.text(user, text);
      const attempts = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          cloud.attempt(fleet.callbackUrl(index % 2), cloud.callback(inner)),
        ),
      );
      expect(attempts.map(({ status }) => status)).toEqual(Array(10).fill(200));
      await expectAllAnswered([one ?? []]);
      expect(mostAsked()).toBe(1);
      expect(cloud.sendCalls).toHaveLength(1);
    });

    fact("run a message once that is delivered five times around a restart", async () => {
      const { cloud, model, processes } = fleet;
      const [one] = talks(1, 1, () => "late");
      const { user, text } = one?.[0] ?? question("", "", "late");
      const inner = cloud.text(user, text);
      const deliver = (to: number) => cloud.attempt(fleet.callbackUrl(to), cloud.callback(inner));
      const first = deliver(FIRST_GATEWAY);
      await model.arrived(1);
      expect((await Promise.all([first, deliver(SECOND_GATEWAY)])).map((a) => a.status)).toEqual([
        200, 200,
      ]);
      expect(await processes[FIRST_GATEWAY]?.stop("SIGTERM")).toBe(0);
      expect((await deliver(SECOND_GATEWAY)).status).toBe(200);
      await processes[FIRST_GATEWAY]?.start();
      const last = await Promise.all([deliver(FIRST_GATEWAY), deliver(SECOND_GATEWAY)]);
      expect(last.map((attempt) => attempt.status)).toEqual([200, 200]);
      await expectAllAnswered([one ?? []]);
      expect(mostAsked()).toBe(1);
      expect(cloud.sendCalls).toHaveLength(1);
    });
  });

  describe("two gateways and two workers on PostgreSQL and Redis", () => {
    beforeEach(async () => {
      fleet = await createFleet({
        ...{ postgres, redis },
        roles: ["gateway", "gateway", "worker", "worker"],
      });
      await fleet.start();
    });

    fact("answer 200 messages over both gateways once and in order", async () => {
      const all = talks(40, 5, soonOrLong);
      await talk(all);
      await expectAllAnswered(all);
      expect(mostAsked()).toBe(1);
    });

    fact("lose nothing when a worker is killed in mid-flight", async () => {
      const all = talks(40, 5, soonOrLong);
      const talking = talk(all);
      await fleet.model.arrived(60);
      await fleet.processes[FIRST_WORKER]?.stop("SIGKILL");
      await talking;
      await expectAllAnswered(all);
      expect(mostAsked()).toBeLessThanOrEqual(2);
    });

    fact("run a turn once that takes longer than a lease", async () => {
      const all = talks(4, 1, () => "slow");
      await talk(all);
      await expectAllAnswered(all);
      expect(mostAsked()).toBe(1);
    });

    fact("lose nothing when Redis is flushed in mid-flight", async () => {
      const all = talks(40, 5, soonOrLong);
      const talking = talk(all);
      await fleet.model.arrived(60);
      await redis.flushAll();
      await talking;
      await expectAllAnswered(all);
      expect(mostAsked()).toBe(1);
    });

    fact("lose nothing when Redis is away for some seconds", async () => {
      const all = talks(40, 5, soonOrLong);
      const talking = talk(all);
      await fleet.model.arrived(60);
      await redis.stop();
      await delay(4_000); // the outage itself
      await redis.start();
      await talking;
      await expectAllAnswered(all);
      expect(mostAsked()).toBe(1);
    });

    fact("lose nothing when PostgreSQL is restarted in mid-flight", async () => {
      const all = talks(40, 5, soonOrLong);
      const talking = talk(all);
      await fleet.model.arrived(60);
      await postgres.stop();
      await postgres.start();
      await talking;
      await expectAllAnswered(all);
    });

    fact("end a turn within a second of a /stop at either gateway", async () => {
      const { cloud, model } = fleet;
      const stoppedAfterMs: number[] = [];
      for (const [round, gateway] of [...GATEWAYS, FIRST_GATEWAY].entries()) {
        const user = `person${round}`;
        await fleet.ask([question(user, "0", "slow")], [SECOND_GATEWAY]);
        await model.arrived(round + 1);
        const sentAt = Date.now();
        await fleet.ask([{ user, text: "/stop", answer: "" }], [gateway]);
        await cloud.waitForSeen(user, 1);
        expect(fleet.seen(user)).toContain("Stopped.");
        while (model.hungUpAt.length <= round) await delay(20);
        stoppedAfterMs.push((model.hungUpAt[round] ?? Number.POSITIVE_INFINITY) - sentAt);
      }
      await fleet.quiet(6, SETTLED_MS);
      // The median: the machine may be busy with other tests.
      expect(stoppedAfterMs.sort((a, b) => a - b)[1]).toBeLessThan(1_000);
    });
  });
});
