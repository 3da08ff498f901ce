import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLimits } from "../../sandbox/policy.ts";
import { SETTINGS } from "./sandbox-fixture.ts";

describe("limits", () => {
  const limits = createLimits({
    filesystem: { ...SETTINGS.filesystem, max_size_gb: 10 },
    execution: { ...SETTINGS.execution, max_cpu_seconds: 300, max_memory_mb: 4096 },
    network: { mode: "off" },
  });

  it("are the settings' own where the job asks for nothing", () => {
    expect(limits()).toEqual({
      wallMs: 60_000,
      cpuMs: 300_000,
      memoryBytes: 4096 * 2 ** 20,
      pids: 64,
      diskBytes: 10 * 2 ** 30,
      outputBytes: 2 ** 20,
      files: 65_536,
      egressBytesPerSecond: 12_500_000,
    });
  });

  it("are never above the settings, whatever the job asks for", () => {
    const amount = fc.option(fc.double({ min: 1e-9, max: 1e12, noNaN: true }), { nil: undefined });
    const asked = fc.record({
      wallSeconds: amount,
      cpuSeconds: amount,
      memoryMb: amount,
      pids: amount,
      diskMb: amount,
      outputBytes: amount,
      egressMbps: amount,
    });
    fc.assert(
      fc.property(asked, (wanted) => {
        const given = limits(wanted);
        expect(given.wallMs).toBeLessThanOrEqual(310_000);
        expect(given.cpuMs).toBeLessThanOrEqual(300_000);
        expect(given.memoryBytes).toBeLessThanOrEqual(4096 * 2 ** 20);
        expect(given.pids).toBeLessThanOrEqual(256);
        expect(given.diskBytes).toBeLessThanOrEqual(10 * 2 ** 30);
        expect(given.outputBytes).toBeLessThanOrEqual(16 * 2 ** 20);
        expect(given.egressBytesPerSecond).toBeLessThanOrEqual(12_500_000);
        expect(Math.min(...Object.values(given))).toBeGreaterThan(0);
      }),
    );
  });

  it("may be lowered, to fractions too", () => {
    expect(
      limits({ wallSeconds: 0.5, cpuSeconds: 0.25, memoryMb: 64.5, pids: 3, diskMb: 0.5 }),
    ).toMatchObject({
      wallMs: 500,
      cpuMs: 250,
      memoryBytes: 64.5 * 2 ** 20,
      pids: 3,
      diskBytes: 2 ** 19,
    });
    expect(limits({ outputBytes: 10, egressMbps: 0.5 })).toMatchObject({
      outputBytes: 10,
      egressBytesPerSecond: 62_500,
    });
  });
});
