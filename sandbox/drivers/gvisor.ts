import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Probe, SandboxDriver, Slot } from "../driver.ts";
import { SandboxError } from "../errors.ts";
import { mountsFor } from "../mounts.ts";
import { supervise } from "../supervise.ts";
import type { Workshop } from "../workshop.ts";
import { bundleConfig, makeRootfs } from "./gvisor-bundle.ts";
import { selfTest } from "./self-test.ts";
import { verdictOf } from "./verdict.ts";

/** Where `runsc` may lie. */
export interface GvisorOptions {
  /** Looked into before PATH: `<folder>/usr/bin/runsc`. */
  readonly enginesFolder: string;
}

const OLDEST_RELEASE = 20240729;
// Fastest first. KVM is never tried: inside a virtual machine it may be there and hang.
const PLATFORMS = ["systrap", "ptrace"] as const;
const ENGINE_LOG = "engine.log";
const DEBUG_LOG = "debug.log";
const STRENGTH = { wall: "kernel in user space", unenforced: [], sees: [] } as const;
const SEARCH = ["/usr/local/bin/runsc", "/usr/bin/runsc"];

// With a tight kernel limit gVisor often hangs when memory is used up, so we watch and kill; its own
// kernel takes about 40 MB. The kernel's limit above it only catches what outruns the watch.
const SENTRY_BYTES = 40 << 20;
const IDLE_BYTES = 80 << 20;
const BACKSTOP_BYTES = 128 << 20;

/**
 * Runs jobs under gVisor, a kernel of its own in user space: the host's kernel is never spoken to by
 * the job. @see https://gvisor.dev/docs/architecture_guide/security/
 */
export const createGvisorDriver = (
  workshop: Workshop,
  { enginesFolder }: GvisorOptions,
): SandboxDriver => {
  const runsc = [join(enginesFolder, "usr/bin/runsc"), ...SEARCH].find(existsSync);
  let platform: (typeof PLATFORMS)[number] = PLATFORMS[0];
  const slots = new Map<string, { readonly folder: string; readonly cgroup: Cgroup }>();

  const driver: SandboxDriver = {
    name: "gvisor",
    idleBytes: IDLE_BYTES,
    async probe(known): Promise<Probe> {
      const proven = PLATFORMS.find((name) => name === known?.platform);
      if (known !== undefined && proven !== undefined) {
        platform = proven;
        return known;
      }
      if (runsc === undefined) {
        return { ok: false, reason: "runsc is not installed (`npm start` fetches it on Debian)" };
      }
      const release = await releaseOf(runsc);
      if (!(release >= OLDEST_RELEASE)) {
        return { ok: false, reason: `${runsc} is too old: ${OLDEST_RELEASE} or newer is needed` };
      }
      const problems: string[] = [];
      for (platform of PLATFORMS) {
        const problem = await selfTest(driver, workshop);
        if (problem === undefined)
          return { ok: true, version: String(release), platform, strength: STRENGTH };
        problems.push(`${platform}: ${problem}`);
      }
      return { ok: false, reason: problems.join("; ") };
    },

    async prepare(spec) {
      const slot: Slot = {
        id: randomBytes(8).toString("hex"),
        spec,
        ended: new AbortController().signal,
      };
      const folder = workshop.createFolder(slot.id);
      try {
        makeRootfs(join(folder, "rootfs"), mountsFor(workshop, spec));
        const cgroup = workshop.createCgroup(slot.id, {
          memoryBytes: spec.limits.memoryBytes + BACKSTOP_BYTES,
          processes: 4 * spec.limits.pids + 256, // counts gVisor's own threads too
        });
        slots.set(slot.id, { folder, cgroup });
        return slot;
      } catch (error) {
        rmSync(folder, { recursive: true, force: true });
        throw error;
      }
    },

    async dispatch(slot, { request }, signal) {
      const own = slots.get(slot.id);
      if (runsc === undefined || own === undefined) throw new SandboxError("slot is not prepared");
      const { folder, cgroup } = own;
      const config = bundleConfig(workshop, mountsFor(workshop, slot.spec), request);
      writeFileSync(join(folder, "config.json"), JSON.stringify(config), { mode: 0o600 });
      const ended = await supervise(
        {
          command: [
            runsc,
            `--root=${join(folder, "state")}`,
            `--platform=${platform}`,
            "--network=none",
            "--ignore-cgroups",
            "--overlay2=none",
            "--host-uds=none",
            `--log=${join(folder, ENGINE_LOG)}`,
            "--log-format=json",
            // The supervising runsc only, not the kernel inside: its few lines tell how the job ended.
            "--debug",
            "--debug-command=run",
            `--debug-log=${join(folder, DEBUG_LOG)}`,
            `--panic-log=${join(folder, "panic.log")}`,
            "run",
            `--bundle=${folder}`,
            slot.id,
          ],
          cgroup,
          limits: request.limits,
          stdin: request.stdin,
          polledMemoryBytes: request.limits.memoryBytes + SENTRY_BYTES,
        },
        signal,
      );
      return verdictOf(ended, ended.exitCode === 0 ? undefined : faultIn(folder));
    },

    async destroy(slot) {
      const own = slots.get(slot.id);
      if (own === undefined) return;
      await own.cgroup.kill();
      await own.cgroup.remove();
      rmSync(own.folder, { recursive: true, force: true });
      slots.delete(slot.id);
    },
  };
  return driver;
};

const releaseOf = async (runsc: string): Promise<number> => {
  try {
    const { stdout } = await promisify(execFile)(runsc, ["--version"], { env: {}, timeout: 5_000 });
    return Number(/\d{8}/.exec(stdout)?.[0]);
  } catch {
    return Number.NaN;
  }
};

/**
 * Why the engine failed, if it did. runsc writes both files outside the sandbox. When gVisor's kernel
 * dies under the job, runsc passes its exit status on as if it were the job's.
 */
const faultIn = (folder: string): string | undefined => {
  const error = lineOf(join(folder, ENGINE_LOG), /"level":\s*"(error|fatal|panic)"/);
  if (error !== undefined) return `runsc: ${error.slice(0, 300)}`;
  const lost = lineOf(join(folder, DEBUG_LOG), /Wait RPC to container .* failed/);
  return lost === undefined ? undefined : "gVisor's kernel died under the job";
};

const lineOf = (file: string, pattern: RegExp): string | undefined => {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .find((line) => pattern.test(line));
  } catch {
    return undefined;
  }
};
