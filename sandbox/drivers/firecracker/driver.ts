import type { Probe, SandboxDriver } from "../../driver.ts";
import { collectOutputs } from "../../outputs.ts";
import { supervise } from "../../supervise.ts";
import type { Workshop } from "../../workshop.ts";
import { writeJob } from "../job-folder.ts";
import { jobEnvironment } from "../run-job.ts";
import { selfTest } from "../self-test.ts";
import { createSlots } from "../slots.ts";
import { verdictOf } from "../verdict.ts";
import { bootSlot, GUEST_BYTES, MONITOR_BYTES } from "./boot.ts";
import { type FirecrackerPlaces, sweepJails } from "./jail.ts";
import { problemOf, versionOf } from "./requirements.ts";

/** Where Firecracker lies and how long a machine may take to boot; what is left out has a default. */
export interface FirecrackerOptions extends Partial<FirecrackerPlaces> {
  /** From the start of the jailer to the guest's answer. */
  readonly bootMs?: number;
}

const DEFAULT_PLACES: FirecrackerPlaces = {
  firecracker: "/usr/local/bin/firecracker",
  jailer: "/usr/local/bin/jailer",
  kernel: "/var/lib/clawgate/firecracker/vmlinux",
  rootfs: "/var/lib/clawgate/firecracker/rootfs.ext4",
  jailFolder: "/srv/jailer",
  kvm: "/dev/kvm",
};

/** Files whose change makes another engine of it. */
export const firecrackerPrograms = (options: FirecrackerOptions = {}): readonly string[] => {
  const { firecracker, jailer, kernel, rootfs } = { ...DEFAULT_PLACES, ...options };
  return [firecracker, jailer, kernel, rootfs];
};

const DEFAULT_BOOT_MS = 10_000;
const STRENGTH = { wall: "virtual machine", unenforced: [], sees: [] } as const;

/**
 * Runs each job in a virtual machine of its own, which a jailed Firecracker keeps.
 * @see https://github.com/firecracker-microvm/firecracker/blob/main/docs/design.md
 */
export const createFirecrackerDriver = (
  workshop: Workshop,
  options: FirecrackerOptions = {},
): SandboxDriver => {
  const { bootMs = DEFAULT_BOOT_MS, ...places } = { ...DEFAULT_PLACES, ...options };
  const slots = createSlots((spec) => bootSlot(workshop, places, bootMs, spec));

  const driver: SandboxDriver = {
    name: "firecracker",
    idleBytes: GUEST_BYTES + MONITOR_BYTES,
    async probe(known): Promise<Probe> {
      if (known !== undefined) return known;
      const missing = problemOf(places);
      if (missing !== undefined) return { ok: false, reason: missing };
      sweepJails(places);
      const version = await versionOf(places.firecracker);
      if (version === undefined) {
        return { ok: false, reason: `${places.firecracker} --version does not say a version` };
      }
      // A device that is there proves nothing: only a machine that boots does.
      const problem = await selfTest(driver);
      if (problem !== undefined) return { ok: false, reason: problem };
      return { ok: true, version, platform: "KVM, jailer", strength: STRENGTH };
    },

    prepare: slots.prepare,
    destroy: slots.destroy,

    async dispatch(slot, { request }, signal) {
      const { resources, engine } = slots.use(slot);
      const { jobFolder, outputsFolder, home } = resources;
      writeJob(jobFolder, request, {
        ...jobEnvironment(home),
        ...request.env,
        ...slot.spec.wayOut?.env,
      });
      engine.expect(jobFolder, request.outputs);
      const ended = await supervise(engine, {
        limits: request.limits,
        refusedForks: engine.refusedForks,
        stops: [
          { signal, reason: "aborted" },
          { signal: engine.outOfMemory, reason: "memory" },
        ],
      });
      const { fault, isDiskFull, peakMemoryBytes } = engine.found();
      const result = verdictOf(ended, fault === undefined ? {} : { fault }, {
        isFull: () => isDiskFull,
      });
      const usage = { ...result.usage, ...(peakMemoryBytes === 0 ? {} : { peakMemoryBytes }) };
      if (request.outputs === undefined) return { ...result, usage };
      const { files, isTruncated } = await collectOutputs(outputsFolder, request.outputs);
      const isCut = result.isTruncated || isTruncated || engine.found().isOutputCut;
      return { ...result, usage, outputs: files, isTruncated: isCut };
    },
  };
  return driver;
};
