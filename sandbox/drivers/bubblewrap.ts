import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Cgroup } from "../cgroup/cgroup.ts";
import type { Probe, SandboxDriver, Slot } from "../driver.ts";
import { SandboxError } from "../errors.ts";
import { mountsFor } from "../mounts.ts";
import { interpreterOf, scriptPathOf } from "../policy.ts";
import { seccompFilter } from "../seccomp.ts";
import { supervise } from "../supervise.ts";
import { SYSCALLS } from "../syscalls.ts";
import { tenantUid } from "../tenant-uid.ts";
import type { Workshop } from "../workshop.ts";
import { bubblewrapOptions } from "./bubblewrap-options.ts";
import { selfTest } from "./self-test.ts";
import { verdictOf } from "./verdict.ts";

const BWRAP = "/usr/bin/bwrap";
// bwrap itself and its init are in the group too.
const STRENGTH = {
  wall: "namespaces and system call filter",
  unenforced: [],
  sees: [],
} as const;
const OWN_PROCESSES = 2;
const IDLE_BYTES = 10 << 20;
// Descriptors of the engine process, in the order of supervise's `extra`.
const SECCOMP = 3;
const OPTIONS = 4;
const STATUS = 5;

/**
 * Runs jobs in Linux namespaces under a seccomp filter: a wall inside the host's kernel, weaker than
 * gVisor and faster. @see https://github.com/containers/bubblewrap
 */
export const createBubblewrapDriver = (workshop: Workshop): SandboxDriver => {
  const syscalls = SYSCALLS[process.arch];
  const filter = syscalls === undefined ? undefined : seccompFilter(syscalls);
  const slots = new Map<string, Cgroup>();

  const driver: SandboxDriver = {
    name: "bubblewrap",
    idleBytes: IDLE_BYTES,
    async probe(known): Promise<Probe> {
      if (known !== undefined) return known;
      if (!existsSync(BWRAP)) {
        return { ok: false, reason: `${BWRAP} is missing: apt-get install bubblewrap` };
      }
      if (filter === undefined) {
        return { ok: false, reason: `there is no system call filter for ${process.arch}` };
      }
      const problem = await selfTest(driver, workshop);
      if (problem !== undefined) return { ok: false, reason: problem };
      return {
        ok: true,
        version: await versionOf(),
        platform: "namespaces and seccomp",
        strength: STRENGTH,
      };
    },

    async prepare(spec) {
      const slot: Slot = {
        id: randomBytes(8).toString("hex"),
        spec,
        ended: new AbortController().signal,
      };
      const { memoryBytes, pids } = spec.limits;
      slots.set(
        slot.id,
        workshop.createCgroup(slot.id, { memoryBytes, processes: pids + OWN_PROCESSES }),
      );
      return slot;
    },

    async dispatch(slot, { request }, signal) {
      const cgroup = slots.get(slot.id);
      if (cgroup === undefined || filter === undefined) {
        throw new SandboxError("slot is not prepared");
      }
      const uid = String(tenantUid(request.tenantId));
      const mounts = mountsFor(workshop, slot.spec);
      const folders = [...mounts.readonly].map(([path, folder], index) => ({
        path,
        folder,
        place: isReachable(folder) ? folder : workshop.stage(index),
      }));
      const options = bubblewrapOptions({
        mounts,
        request,
        uid,
        descriptors: { seccomp: SECCOMP, status: STATUS },
        folders: [
          ["/etc", workshop.etcFolder],
          ...folders.map(({ path, place }) => [path, place] as const),
        ],
      });
      const ended = await supervise(
        {
          command: [
            ...staging(folders.filter(({ folder, place }) => folder !== place)),
            // Never start bwrap as root: to the kernel the job would be root with another face.
            ...["/usr/bin/setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"],
            ...["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"],
            ...["/usr/bin/prlimit", "--core=0:0", "--nofile=1024:1024"],
            ...[BWRAP, "--args", String(OPTIONS), "--"],
            ...interpreterOf(request.language, workshop.node.path),
            scriptPathOf(request),
            ...request.argv,
          ],
          cgroup,
          limits: request.limits,
          stdin: request.stdin,
          extra: [
            filter,
            // Piped in, since command lines are readable for every user of the host.
            Buffer.from(options.map((option) => `${option}\0`).join("")),
            "collect",
          ],
        },
        signal,
      );
      // bwrap says so on a descriptor that the job does not have; silence means it never ran.
      const hasRun = /"exit-code"/.test(ended.collected.toString("latin1"));
      const said = ended.stderr.toString("utf8", 0, 300).trim();
      return verdictOf(ended, hasRun ? undefined : `bwrap: ${said || `exit ${ended.exitCode}`}`);
    },

    async destroy(slot) {
      const cgroup = slots.get(slot.id);
      if (cgroup === undefined) return;
      await cgroup.kill();
      await cgroup.remove();
      slots.delete(slot.id);
    },
  };
  return driver;
};

const versionOf = async (): Promise<string> => {
  const { stdout } = await promisify(execFile)(BWRAP, ["--version"], { env: {}, timeout: 5_000 });
  return stdout.trim().replace(/^bubblewrap /, "");
};

// Pairs of folder and place, then `--` and a command.
const STAGE =
  'while [ "$1" != -- ]; do mount --bind -- "$1" "$2" || kill -9 $$; shift 2; done; shift; exec "$@"';

/**
 * What the job's user cannot walk to (a checkout below /root), and needs no right to, is bound by root
 * to a place that everyone can reach, in a mount namespace that ends with the run.
 */
const staging = (folders: readonly { folder: string; place: string }[]): readonly string[] =>
  folders.length === 0
    ? []
    : [
        ...["/usr/bin/unshare", "--mount", "--propagation=private", "--", "/bin/sh", "-c", STAGE],
        ...["sh", ...folders.flatMap(({ folder, place }) => [folder, place]), "--"],
      ];

/** Whether everyone may walk down to the folder. */
const isReachable = (folder: string): boolean => {
  for (let path = realpathSync(folder); path !== "/"; path = dirname(path)) {
    if (!(statSync(path).mode & 0o001)) return false;
  }
  return true;
};
