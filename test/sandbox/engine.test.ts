import { describe, expect, it } from "vitest";
import type { EngineName, Probe, RunResult, SandboxDriver } from "../../sandbox/driver.ts";
import { createEngine, type EngineOptions, type EngineState } from "../../sandbox/engine.ts";
import { withoutRun } from "../../sandbox/refusal.ts";

const PASSES: Probe & { ok: true } = {
  ok: true,
  version: "1",
  platform: "test",
  strength: { wall: "virtual machine", unenforced: [], sees: [] },
};
const FAILS: Probe = { ok: false, reason: "a write to /etc succeeded" };
const FAULT = withoutRun("killed", "internal", "the kernel inside died");
const FINE: RunResult = { ...withoutRun("killed", "wall", ""), verdict: "ok" };

/** An engine whose probes answer what they are told to. */
const driver = (name: EngineName, answer: () => Probe) => {
  const probes: (Probe | undefined)[] = [];
  const own: SandboxDriver = {
    name,
    idleBytes: 1,
    probe: async (known) => {
      probes.push(known);
      return known ?? answer();
    },
    prepare: () => Promise.reject(new Error("not here")),
    dispatch: () => Promise.reject(new Error("not here")),
    destroy: async () => {},
  };
  return { own, probes };
};

const watch = (candidates: readonly SandboxDriver[], more: Partial<EngineOptions> = {}) => {
  const changes: EngineState[] = [];
  const timers: { ms: number; work: () => void }[] = [];
  const engine = createEngine({
    candidates: () => candidates,
    objection: () => undefined,
    onChange: (state) => changes.push(state),
    clock: {
      now: () => 0,
      every: () => () => {},
      after: (ms, work) => {
        const timer = { ms, work };
        timers.push(timer);
        return () => timers.splice(timers.indexOf(timer), 1);
      },
    },
    ...more,
  });
  return { engine, changes, timers, retry: () => timers.shift()?.work() };
};

describe("the choice of an engine", () => {
  it("takes the strongest that passes, and says of all why when none does", async () => {
    const weak = driver("bubblewrap", () => PASSES);
    const broken = driver("gvisor", () => FAILS);
    const { engine } = watch([broken.own, weak.own]);
    expect(await engine.state()).toMatchObject({ ok: true, driver: { name: "bubblewrap" } });
    const none = watch([broken.own, broken.own]);
    expect(await none.engine.state()).toEqual({
      ok: false,
      reason: `gvisor: ${"a write to /etc succeeded"}; gvisor: a write to /etc succeeded`,
    });
  });

  it("passes over an engine that works but may not be used", async () => {
    const weak = driver("gvisor", () => PASSES);
    const strong = driver("bubblewrap", () => ({ ...PASSES, version: "2" }));
    const { engine } = watch([weak.own, strong.own], {
      objection: ({ version }) => (version === "1" ? "cannot hold x here" : undefined),
    });
    expect(await engine.state()).toMatchObject({ ok: true, driver: { name: "bubblewrap" } });
  });

  it("tries again when the engine failed twice in a row, not after one fault", async () => {
    const only = driver("gvisor", () => PASSES);
    const { engine } = watch([only.own]);
    await engine.state();
    for (const result of [FAULT, FINE, FAULT]) engine.ended(result);
    expect(only.probes).toHaveLength(1);
    engine.ended(FAULT);
    expect(await engine.state()).toMatchObject({ ok: true });
    expect(only.probes).toHaveLength(2);
  });

  it("goes off rather than to a weaker engine when the one in use fails, and comes back", async () => {
    let answer: Probe = PASSES;
    const strong = driver("gvisor", () => answer);
    const weak = driver("bubblewrap", () => PASSES);
    const { engine, changes, timers, retry } = watch([strong.own, weak.own]);
    await engine.state();
    answer = FAILS;
    engine.ended(FAULT);
    engine.ended(FAULT);
    expect(await engine.state()).toMatchObject({ ok: false });
    retry();
    expect(await engine.state()).toMatchObject({ ok: false });
    expect(weak.probes).toHaveLength(0);
    const [second] = timers;
    expect(second?.ms).toBe(10_000);
    answer = PASSES;
    retry();
    expect(await engine.state()).toMatchObject({ ok: true, driver: { name: "gvisor" } });
    expect(changes.map(({ ok }) => ok)).toEqual([true, false, true]);
  });

  it("finds an engine that was installed while the gateway ran", async () => {
    let answer: Probe = { ok: false, reason: "not installed" };
    const late = driver("gvisor", () => answer);
    const { engine, retry } = watch([late.own]);
    expect(await engine.state()).toMatchObject({ ok: false });
    answer = PASSES;
    retry();
    expect(await engine.state()).toMatchObject({ ok: true });
  });

  it("waits longer each time, up to five minutes, and not at all once closed", async () => {
    const broken = driver("gvisor", () => FAILS);
    const { engine, timers, retry } = watch([broken.own]);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      await engine.state();
      waits.push(timers[0]?.ms ?? 0);
      retry();
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map((s) => s * 1000));
    await engine.state();
    engine.close();
    expect(timers).toHaveLength(0);
  });

  it("takes over what another process proved, until a run fails", async () => {
    const only = driver("gvisor", () => PASSES);
    const forgotten: string[] = [];
    const { engine } = watch([only.own], {
      proofs: { find: () => PASSES, keep: () => {}, forget: (name) => forgotten.push(name) },
    });
    await engine.state();
    expect(only.probes).toEqual([PASSES]);
    engine.ended(FAULT);
    expect(forgotten).toEqual(["gvisor"]);
    engine.ended(FAULT);
    await engine.state();
    expect(only.probes).toEqual([PASSES, undefined]);
  });
});
