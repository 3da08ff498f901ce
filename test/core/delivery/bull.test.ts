import { randomUUID } from "node:crypto";
import Bull from "bull";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type BullOptions,
  type BullSchedule,
  createBullSchedule,
} from "../../../core/delivery/bull.ts";
import {
  type CountingStore,
  countingStore,
  describeSchedule,
  heldSteps,
  laneOf,
  moments,
  type ScheduleParts,
  workingStep,
} from "../../contract/schedule.ts";
import { cuttableLink } from "../../fakes/cuttable-link.ts";
import { recordedLog } from "../../fakes/log.ts";
import { lacks } from "../../fakes/need-server.ts";
import { type RedisServer, startRedis } from "../../fakes/redis-server.ts";

const SOON = { timeout: 20_000, interval: 10 };

describe.skipIf(lacks("redis-server"))("the schedule on Redis", () => {
  let server: RedisServer;
  let redis: Redis;
  let prefix = "";
  const schedules: BullSchedule[] = [];

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    redis.on("error", () => {}); // some tests stop it
  });
  afterAll(async () => {
    redis.disconnect();
    await server?.close();
  });
  beforeEach(() => {
    prefix = `test-${randomUUID()}`;
  });

  // Steps that a test holds would keep a drain waiting: at its end they are over.
  let release = (): void => {};
  let released: Promise<"idle">;
  beforeEach(() => {
    released = new Promise((resolve) => {
      release = () => resolve("idle");
    });
  });
  const faults: unknown[] = [];
  afterEach(async () => {
    release();
    await Promise.all(schedules.splice(0).map((schedule) => schedule.drain()));
    expect(faults.splice(0)).toEqual([]);
  });

  const create = (options: Partial<BullOptions> = {}): BullSchedule => {
    const schedule = createBullSchedule({
      redisUrl: server.url,
      prefix,
      name: "turns",
      onError: (_, cause) => {
        faults.push(cause);
      },
      log: recordedLog(),
      now: () => new Date(),
      ...options,
    });
    schedules.push(schedule);
    return schedule;
  };
  const isUp = (schedule: BullSchedule) =>
    vi.waitFor(() => expect(schedule.health()).toEqual({ ok: true }), SOON);
  const worker = async (
    parts: Pick<ScheduleParts, "step"> & Partial<ScheduleParts>,
    options: Partial<BullOptions> = {},
  ): Promise<BullSchedule> => {
    const { step, source = async () => [], hasWork = async () => false } = parts;
    const { concurrency = 4, perTenant = 4, sweepMs = 60_000, retryAfterMs = 50 } = parts;
    const schedule = create({
      work: {
        ...{ source, hasWork, concurrency, perTenant },
        step: (lane) => Promise.race([step(lane), released]),
      },
      ...{ sweepMs, retryAfterMs },
      ...(parts.onError && { onError: parts.onError }),
      ...options,
    });
    await isUp(schedule);
    return schedule;
  };
  const workerOn = (store: CountingStore, options?: Partial<BullOptions>) =>
    worker({ ...store, step: workingStep(store, () => moments(1)) }, options);
  const lockOf = (tenantId: string, id: string) =>
    `${prefix}:turns:${JSON.stringify([tenantId, id])}:lock`;

  describe("in one process", () => {
    describeSchedule(worker, async ({ tenantId, id }) => {
      await vi.waitFor(async () => expect(await redis.exists(lockOf(tenantId, id))).toBe(1), SOON);
    });
  });

  it("lets two gateways and two workers behave as one: 1,000 conversations, each message once", async () => {
    const store = countingStore();
    const gateways = [create(), create()];
    await Promise.all([...gateways.map(isUp), workerOn(store), workerOn(store)]);
    for (let n = 0; n < 3_000; n++) {
      const lane = laneOf(`tenant-${n % 7}`, n % 1_000);
      store.add(lane);
      gateways[n % 2]?.wake(lane);
    }
    await vi.waitFor(() => expect(store.done).toBe(3_000), { ...SOON, timeout: 60_000 });
    expect(store.collisions).toBe(0);
  }, 90_000);

  it("finds a message that came while its conversation's job was finishing", async () => {
    const store = countingStore();
    const gateway = create();
    await isUp(gateway);
    const lane = laneOf("acme", 1);
    const added = async () => Number(await redis.get(`${prefix}:turns:id`));
    const step = vi
      .fn(workingStep(store))
      // Has found nothing; now the message comes, and its wake finds the job still there.
      .mockImplementationOnce(async () => {
        const before = await added();
        store.add(lane);
        gateway.wake(lane);
        await vi.waitFor(async () => expect(await added()).toBe(before + 1), SOON);
        return "idle";
      });
    await worker({ ...store, step });
    gateway.wake(lane);
    await vi.waitFor(() => expect(store.done).toBe(1), SOON);
  });

  it("looks again in time at the lanes of two tenants that share a conversation", async () => {
    const steps: string[] = [];
    const schedule = await worker({
      step: async ({ tenantId }) => {
        steps.push(tenantId);
        return steps.indexOf(tenantId) === steps.length - 1 ? { afterMs: 500 } : "idle";
      },
    });
    for (const tenantId of ["acme", "bolt"]) schedule.wake({ id: "room", tenantId });
    await vi.waitFor(
      () => expect(steps.toSorted()).toEqual(["acme", "acme", "bolt", "bolt"]),
      SOON,
    );
  });

  it("throws away a job that is none of its own, and goes on", async () => {
    const foreign = new Bull("turns", server.url, { prefix });
    try {
      for (const jobId of ["x", "7", "{}"]) await foreign.add({}, { jobId });
      const step = vi.fn(async () => "idle" as const);
      const schedule = await worker({ step });
      schedule.wake(laneOf("acme", 1));
      await vi.waitFor(() => expect(step).toHaveBeenCalledTimes(1), SOON);
      await vi.waitFor(async () => expect(await foreign.count()).toBe(0), SOON);
    } finally {
      await foreign.close();
    }
  });

  it("loses nothing when Redis is wiped in mid-flight", async () => {
    const store = countingStore();
    const gateway = create();
    const options = { sweepMs: 100 };
    await Promise.all([isUp(gateway), workerOn(store, options), workerOn(store, options)]);
    for (let n = 0; n < 600; n++) {
      const lane = laneOf(`tenant-${n % 3}`, n);
      store.add(lane, 3);
      gateway.wake(lane);
      if (n % 200 === 100) {
        await moments(5);
        await server.flushAll();
      }
    }
    await vi.waitFor(() => expect(store.done).toBe(1_800), SOON);
  });

  it("delays work while Redis is down, loses none, and says so once per outage", async () => {
    const store = countingStore();
    const log = recordedLog();
    const gateway = create({ log });
    await Promise.all([isUp(gateway), workerOn(store)]);
    try {
      await server.stop("SIGKILL");
      await vi.waitFor(() => expect(gateway.health().ok).toBe(false), SOON);
      for (let n = 0; n < 100; n++) {
        store.add(laneOf("acme", n));
        gateway.wake(laneOf("acme", n));
      }
      expect(store.done).toBe(0);
    } finally {
      await server.start();
    }
    await vi.waitFor(() => expect(store.done).toBe(100), SOON);
    await isUp(gateway);
    const levels = log.lines.map(({ level, fields }) => [level, fields.alert]);
    expect(levels).toEqual([
      ["error", "redis_down"],
      ["info", undefined],
    ]);
  });

  it("goes on after a time in which Redis was full, although its connection stood, and says so", async () => {
    const store = countingStore();
    const log = recordedLog();
    const schedule = await workerOn(store, { log });
    try {
      await redis.config("SET", "maxmemory", "1");
      store.add(laneOf("acme", 1));
      schedule.wake(laneOf("acme", 1));
      await vi.waitFor(() => expect(schedule.health().ok).toBe(false), SOON);
    } finally {
      await redis.config("SET", "maxmemory", "0");
    }
    await vi.waitFor(() => expect(store.done).toBe(1), SOON);
    await isUp(schedule);
    expect(log.lines.map(({ level }) => level)).toEqual(["error", "info"]);
  });

  it("goes on at the server that has taken over, not at the one that only follows it", async () => {
    const next = await startRedis();
    const link = await cuttableLink(Number(new URL(server.url).port));
    const store = countingStore();
    try {
      const schedule = await workerOn(store, { redisUrl: `redis://127.0.0.1:${link.port}` });
      link.redirect(Number(new URL(next.url).port));
      await redis.replicaof("127.0.0.1", 1);
      for (let n = 0; n < 100; n++) {
        store.add(laneOf("acme", n));
        schedule.wake(laneOf("acme", n));
      }
      await vi.waitFor(() => expect(store.done).toBe(100), SOON);
      await isUp(schedule);
      await schedule.drain();
    } finally {
      await redis.replicaof("NO", "ONE");
      await link.cut();
      await next.close();
    }
  });

  it("starts while Redis is down and begins when it is there", async () => {
    const store = countingStore();
    store.add(laneOf("acme", 1));
    await server.stop();
    let schedule: BullSchedule | undefined;
    try {
      const { source, hasWork } = store;
      const work = { step: workingStep(store), source, hasWork, concurrency: 4, perTenant: 4 };
      schedule = create({ work });
      expect(schedule.health()).toMatchObject({ ok: false });
      schedule.wake(laneOf("acme", 1));
      expect(schedule.isFull("acme")).toBe(false);
    } finally {
      await server.start();
    }
    await vi.waitFor(() => expect(store.done).toBe(1), SOON);
  });

  it("drains while Redis is down", async () => {
    const store = countingStore();
    const schedule = await workerOn(store);
    try {
      await server.stop("SIGKILL");
      await vi.waitFor(() => expect(schedule.health().ok).toBe(false), SOON);
      await schedule.drain();
    } finally {
      await server.start();
    }
  });

  it("gives the lanes of a worker that died to another", async () => {
    const held = heldSteps();
    const link = await cuttableLink(Number(new URL(server.url).port));
    const lane = laneOf("acme", 1);
    const step = vi.fn(async () => "idle" as const);
    try {
      const dead = await worker(
        { step: held.step },
        { redisUrl: `redis://127.0.0.1:${link.port}`, leaseMs: 1_000 },
      );
      dead.wake(lane);
      await vi.waitFor(() => expect(held.running).toBe(1), SOON);
      await worker({ step }, { leaseMs: 1_000 });
      expect(step).not.toHaveBeenCalled();
    } finally {
      await link.cut();
    }
    await vi.waitFor(() => expect(step).toHaveBeenCalledWith(lane), SOON);
  });

  it("works a backlog off with each lane asked for about once, however many workers there are", async () => {
    const store = countingStore();
    for (let n = 0; n < 3_000; n++) store.add(laneOf("backlog", n));
    await Promise.all([workerOn(store), workerOn(store)]);
    await vi.waitFor(() => expect(store.done).toBe(3_000), { ...SOON, timeout: 60_000 });
    expect(store.collisions).toBe(0);
    expect(store.answered).toBeLessThan(3_000 * 1.5);
  }, 90_000);

  it("gives back what it took and did not begin when it drains, to another worker at once", async () => {
    const held = heldSteps();
    const first = await worker({ step: held.step, concurrency: 1 });
    for (let n = 0; n < 10; n++) first.wake(laneOf("acme", n));
    await vi.waitFor(async () => {
      const locks = await redis.keys(`${prefix}:turns:*:lock`);
      expect(locks).toHaveLength(10);
    }, SOON);
    const drained = first.drain();
    held.endOne("again");
    await drained;
    const step = vi.fn(async () => "idle" as const);
    await worker({ step });
    await vi.waitFor(
      () => expect(new Set(step.mock.calls.map((call) => JSON.stringify(call))).size).toBe(10),
      SOON,
    );
  });

  it("does not put a tenant's flood before others, and keeps little of it in Redis", async () => {
    const gateway = create();
    await isUp(gateway);
    for (let n = 0; n < 20_000; n++) gateway.wake(laneOf("flood", n));
    gateway.wake(laneOf("quiet", 1));
    const quiet = JSON.stringify(["quiet", laneOf("quiet", 1).id]);
    await vi.waitFor(async () => {
      const waiting = await redis.lrange(`${prefix}:turns:wait`, 0, -1);
      expect(waiting).toContain(quiet);
      expect(waiting.length).toBeLessThan(1 + 32 * 10);
    }, SOON);
  });

  it("tells gateways when a tenant's work waits too long at a worker", async () => {
    const held = heldSteps();
    const gateway = create();
    await isUp(gateway);
    const options = { fullAfterMs: 50 };
    await worker({ step: held.step, concurrency: 2, perTenant: 1 }, options);
    for (let n = 0; n < 3; n++) gateway.wake(laneOf("busy", n));
    gateway.wake(laneOf("quiet", 1));
    await vi.waitFor(() => expect(gateway.isFull("busy")).toBe(true), SOON);
    expect(gateway.isFull("quiet")).toBe(false);
  });

  it("never puts the password into the log", async () => {
    const log = recordedLog();
    const url = server.url.replace("redis://", "redis://clawgate:hunter2%21@");
    const schedule = create({ redisUrl: url, log });
    await vi.waitFor(() => expect(log.lines.length).toBeGreaterThan(0), SOON);
    expect(schedule.health().ok).toBe(false);
    expect(JSON.stringify([log.lines, schedule.health()])).not.toContain("hunter2");
  });
});
