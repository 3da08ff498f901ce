import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Cell, CellSpec } from "../../sandbox/cell.ts";
import type { Limits } from "../../sandbox/driver.ts";
import { createPool, type Pool, type PoolOptions } from "../../sandbox/pool.ts";

const LIMITS: Limits = {
  wallMs: 1000,
  cpuMs: 1000,
  memoryBytes: 1 << 26,
  pids: 8,
  diskBytes: 1 << 20,
  files: 100,
  outputBytes: 1000,
  egressBytesPerSecond: 1000,
};

const spec = (tenantId: string, more: Partial<CellSpec> = {}): CellSpec => ({
  tenantId,
  language: "bash",
  limits: LIMITS,
  readonly: new Map(),
  hasNetwork: false,
  ...more,
});

const CELL_BYTES = 10;
const MAX_AGE_MS = 1000;

/** A pool on an engine that boots when it is told to, under a clock that is moved by hand. */
const openPool = (options: Partial<PoolOptions> = {}) => {
  const booting: { spec: CellSpec; settle: (error?: Error) => void }[] = [];
  const alive = new Map<string, { cell: Cell; die: () => void }>();
  const faults: unknown[] = [];
  let now = 0;
  let opened = 0;
  let tick = () => {};
  const pool: Pool = createPool({
    onReady: () => {},
    open: (spec) =>
      new Promise((resolve, reject) => {
        const id = `cell-${opened++}`;
        const controller = new AbortController();
        booting.push({
          spec,
          settle: (error) => {
            if (error) return reject(error);
            const cell = { slot: { id, spec, ended: controller.signal } };
            alive.set(id, { cell, die: () => controller.abort() });
            resolve(cell);
          },
        });
      }),
    close: async ({ slot }) => {
      if (!alive.delete(slot.id)) throw new Error(`${slot.id} is closed twice`);
    },
    cellBytes: CELL_BYTES,
    memoryBytes: 100,
    maxAgeMs: MAX_AGE_MS,
    maxPerKey: 4,
    parallelBoots: 2,
    mayBoot: () => true,
    clock: {
      now: () => now,
      every: (_, work) => {
        tick = work;
        return () => {
          tick = () => {};
        };
      },
    },
    onFault: (error) => faults.push(error),
    ...options,
  });
  return {
    pool,
    alive,
    faults,
    booting,
    /** Lets a boot come to its end, the oldest first. */
    async boot(error?: Error) {
      booting.shift()?.settle(error);
      await settle();
    },
    async pass(ms: number) {
      now += ms;
      tick();
      await settle();
    },
  };
};
const settle = () => new Promise(setImmediate);

/** Boots cold for the first run and warm for the next, as a sandbox does. */
const warmUp = async (bench: ReturnType<typeof openPool>, wanted: CellSpec) => {
  expect(bench.pool.take(wanted)).toBeUndefined();
  bench.pool.refill();
  await bench.boot();
};

describe("the warm pool", () => {
  it("boots nothing before a run asked, one cell after the first, and hands it out once", async () => {
    const bench = openPool();
    bench.pool.refill();
    expect(bench.booting).toHaveLength(0);
    await warmUp(bench, spec("acme"));
    expect(bench.pool.take(spec("acme"))?.slot.id).toBe("cell-0");
    expect(bench.pool.take(spec("acme"))).toBeUndefined();
  });

  it.each<[string, CellSpec]>([
    ["another tenant", spec("other")],
    ["another language", spec("acme", { language: "python" })],
    ["another network class", spec("acme", { hasNetwork: true })],
    ["a run that brings credentials", spec("acme", { endsTls: true })],
    ["another limit", spec("acme", { limits: { ...LIMITS, pids: 9 } })],
    ["another mount", spec("acme", { readonly: new Map([["/app", "/tmp"]]) })],
  ])("keeps a cell from %s", async (_, other) => {
    const bench = openPool();
    await warmUp(bench, spec("acme"));
    expect(bench.pool.take(other)).toBeUndefined();
    expect(bench.pool.take(spec("acme"))).toBeDefined();
  });

  it("keeps as many ready as ran in vain at once, and fewer when they wait in vain", async () => {
    const bench = openPool();
    for (let run = 0; run < 9; run++) bench.pool.take(spec("acme"));
    bench.pool.refill();
    while (bench.booting.length > 0) await bench.boot();
    expect(bench.alive.size).toBe(4);
    await bench.pass(MAX_AGE_MS);
    expect(bench.alive.size).toBe(0);
    expect(bench.booting).toHaveLength(0);
  });

  it("boots no more at once than it may, and none while something is more urgent", async () => {
    let mayBoot = true;
    const bench = openPool({ mayBoot: () => mayBoot });
    for (let run = 0; run < 4; run++) bench.pool.take(spec("acme"));
    bench.pool.refill();
    expect(bench.booting).toHaveLength(2);
    mayBoot = false;
    await bench.boot();
    await bench.boot();
    expect(bench.booting).toHaveLength(0);
    mayBoot = true;
    bench.pool.refill();
    expect(bench.booting).toHaveLength(2);
  });

  it("gives up the least recently used where memory is short", async () => {
    const bench = openPool({ memoryBytes: 2 * CELL_BYTES });
    await warmUp(bench, spec("a"));
    await warmUp(bench, spec("b"));
    expect(bench.pool.take(spec("c"))).toBeUndefined();
    bench.pool.refill();
    await settle();
    await bench.boot();
    expect(bench.pool.take(spec("c"))).toBeDefined();
    expect(bench.pool.take(spec("b"))).toBeDefined();
    expect(bench.pool.take(spec("a"))).toBeUndefined();
  });

  it("never hands out a cell that died, and waits for a run before it boots another", async () => {
    const bench = openPool();
    await warmUp(bench, spec("acme"));
    bench.alive.get("cell-0")?.die();
    await settle();
    expect(bench.alive.size).toBe(0);
    expect(bench.booting).toHaveLength(0);
    await warmUp(bench, spec("acme"));
    expect(bench.pool.take(spec("acme"))?.slot.id).toBe("cell-1");
  });

  it("reports a boot that fails and leaves it to the next run to find out", async () => {
    const bench = openPool();
    bench.pool.take(spec("acme"));
    bench.pool.refill();
    await bench.boot(new Error("no memory"));
    expect(bench.faults).toEqual([new Error("no memory")]);
    expect(bench.booting).toHaveLength(0);
  });

  it("takes a folder that was replaced under its name for another", async () => {
    const bench = openPool();
    const path = mkdtempSync(join(tmpdir(), "clawgate-pool-"));
    try {
      const withFolder = () => spec("acme", { readonly: new Map([["/app", join(path, "skill")]]) });
      mkdirSync(join(path, "skill"));
      await warmUp(bench, withFolder());
      mkdirSync(join(path, "next"));
      rmSync(join(path, "skill"), { recursive: true });
      renameSync(join(path, "next"), join(path, "skill"));
      expect(bench.pool.take(withFolder())).toBeUndefined();
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  it("closes what waits and what still boots", async () => {
    const bench = openPool();
    await warmUp(bench, spec("a"));
    bench.pool.take(spec("b"));
    bench.pool.refill();
    const closed = bench.pool.close();
    await bench.boot();
    await closed;
    expect(bench.alive.size).toBe(0);
    expect(bench.pool.take(spec("a"))).toBeUndefined();
  });

  it("holds all of this whatever happens in which order", async () => {
    const step = fc.oneof(
      fc.record({ take: fc.constantFrom("a", "b", "c", "d") }),
      fc.constant("boot" as const),
      fc.constant("fail" as const),
      fc.constant("die" as const),
      fc.record({ pass: fc.integer({ min: 1, max: 600 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 5 }),
        async (steps, room) => {
          const bench = openPool({ memoryBytes: room * CELL_BYTES });
          const handedOut = new Set<string>();
          for (const next of steps) {
            if (next === "boot") await bench.boot();
            else if (next === "fail") await bench.boot(new Error("fault"));
            else if (next === "die") {
              [...bench.alive.values()].find(({ cell }) => !handedOut.has(cell.slot.id))?.die();
            } else if ("pass" in next) await bench.pass(next.pass);
            else {
              const cell = bench.pool.take(spec(next.take));
              if (cell) {
                expect(cell.slot.spec.tenantId).toBe(next.take);
                expect(cell.slot.ended.aborted).toBe(false);
                expect(handedOut.has(cell.slot.id)).toBe(false);
                handedOut.add(cell.slot.id);
              }
              bench.pool.refill();
            }
            const waiting = [...bench.alive.keys()].filter((id) => !handedOut.has(id)).length;
            expect(waiting + bench.booting.length).toBeLessThanOrEqual(room);
            expect(bench.booting.length).toBeLessThanOrEqual(2);
          }
          const closed = bench.pool.close();
          while (bench.booting.length > 0) await bench.boot();
          await closed;
          expect([...bench.alive.keys()].filter((id) => !handedOut.has(id))).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
  });
});
