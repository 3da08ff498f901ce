import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLimits, overlap, pathProblem } from "../../sandbox/policy.ts";
import { shareSpace } from "../../sandbox/space.ts";
import { tenantUid } from "../../sandbox/tenant-uid.ts";
import { SETTINGS } from "./sandbox-fixture.ts";

describe("limits", () => {
  const limits = createLimits({
    filesystem: { ...SETTINGS.filesystem, max_size_gb: 10 },
    execution: { ...SETTINGS.execution, max_cpu_seconds: 300, max_memory_mb: 4096 },
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
    const amount = fc.option(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(amount, amount, amount, (wallSeconds, cpuSeconds, memoryMb) => {
        const asked = {
          ...(wallSeconds === undefined ? {} : { wallSeconds }),
          ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
          ...(memoryMb === undefined ? {} : { memoryMb }),
        };
        const given = limits(asked);
        expect(given.wallMs).toBeLessThanOrEqual(310_000);
        expect(given.cpuMs).toBeLessThanOrEqual(300_000);
        expect(given.memoryBytes).toBeLessThanOrEqual(4096 * 2 ** 20);
        expect(Math.min(...Object.values(given))).toBeGreaterThan(0);
      }),
    );
  });
});

describe("paths", () => {
  it.each(["/app", "/data/models", "/config"])("accepts %s", (path) => {
    expect(pathProblem(path)).toBeUndefined();
  });

  it("takes a folder and what lies in it as overlapping, and not a longer name", () => {
    expect(overlap("/app", "/app/data")).toBe(true);
    expect(overlap("/app", "/app")).toBe(true);
    expect(overlap("/app", "/application")).toBe(false);
  });

  it("never accepts a path that leads into a system folder", () => {
    const part = fc.constantFrom("..", ".", "", "usr", "etc", "proc", "dev", "app");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
        const path = `/${parts.join("/")}`;
        if (pathProblem(path) !== undefined) return;
        expect(new URL(`file://${path}`).pathname).not.toMatch(/^\/+(usr|etc|proc|dev)(\/|$)/);
      }),
    );
  });
});

describe("space", () => {
  it("never exceeds the limit over all writable places, down to a page each", () => {
    const paths = fc.uniqueArray(fc.constantFrom("/workspace", "/tmp", "/a", "/b"));
    fc.assert(
      fc.property(fc.integer({ min: 64 * 1024, max: 2 ** 40 }), paths, (diskBytes, writable) => {
        const sizes = [...shareSpace({ diskBytes }, writable).values()];
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(diskBytes);
        expect(Math.min(...sizes)).toBeGreaterThanOrEqual(4096); // a tmpfs of size 0 has no limit
      }),
    );
  });
});

describe("a tenant's user", () => {
  it("is always the same and never one of the machine's own", () => {
    fc.assert(
      fc.property(fc.string(), (tenantId) => {
        expect(tenantUid(tenantId)).toBe(tenantUid(tenantId));
        expect(tenantUid(tenantId)).toBeGreaterThan(10_000);
        expect(tenantUid(tenantId)).toBeLessThan(2 ** 31);
      }),
    );
  });
});
