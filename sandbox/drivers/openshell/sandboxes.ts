import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "../../errors.ts";
import { isOwnerAlive, processIdentity } from "../../process-identity.ts";
import { RUN_FOLDER } from "./bundle.ts";
import type { Cli } from "./cli.ts";
import { type Listed, parseList } from "./listed.ts";

/** For whom a long-lived sandbox is, and what all of its runs have in common. */
export interface SandboxClass {
  readonly tenantId: string;
  readonly memoryBytes: number;
  /** The policy that it is created with. */
  readonly policyYaml: string;
}

/** A sandbox that is this run's alone until it is given back. */
export interface Lease {
  readonly name: string;
  /** Replaces the policy unless it is in force already. Throws SandboxError when it does not load. */
  usePolicy(policyYaml: string): Promise<void>;
  /** Kills what the last run left and empties its folders; what does not come clean is deleted. */
  giveBack(): Promise<void>;
  /** The sandbox is not to be trusted any more: giving it back deletes it. */
  condemn(): void;
}

export interface SandboxesOptions {
  readonly cli: Cli;
  /** Tells apart who shares an OpenShell gateway: one machine, however many processes of ours it has. */
  readonly owner: string;
  /** Image in which the paths of the settings are links below `RUN_FOLDER`. */
  readonly image: string;
  /** Private folder for policy files. */
  readonly folder: string;
}

/** The long-lived sandboxes of one driver: one for each tenant and class, used by one run at a time. */
export interface Sandboxes {
  lease(wanted: SandboxClass): Promise<Lease>;
  /** Deletes what processes of our owner left behind that are dead. */
  sweep(): Promise<void>;
  /** Deletes our own. Never rejects: what stays is swept when we are dead. */
  close(): Promise<void>;
}

const TALK_MS = 30_000;
const CREATE_MS = 300_000;
const READY_POLL_MS = 500;
const LABEL = "clawgate-owner";
const PROCESS_LABEL = "clawgate-process";
const CLASS_LABEL = "clawgate-class";
const POLICY_SECONDS = 60;
const MIB = 1 << 20;
const PAGE = 1000;

/**
 * A name of 19 characters, the most that a gateway takes, from 64 bits of a hash. Two classes that met
 * in one name would be told apart by the label, which bears 160 bits.
 * @see https://github.com/NVIDIA/OpenShell/blob/main/crates/openshell-server/src/grpc/mod.rs
 */
export const sandboxName = (owner: string, wanted: SandboxClass): string =>
  `cg-${digestOf(owner, wanted).slice(0, 16)}`;

const digestOf = (owner: string, { tenantId, memoryBytes, policyYaml }: SandboxClass): string =>
  createHash("sha256")
    .update(JSON.stringify([owner, tenantId, memoryBytes, policyYaml]))
    .digest("hex")
    .slice(0, 40);

// Everything of the last run goes but the shell that does it and what was there before any run.
const RESET = `keep=" $1 $$ $PPID "
for round in 1 2 3 4 5 6 7 8; do
  found=
  for d in /proc/[0-9]*; do
    p=\${d#/proc/}
    case $keep in *" $p "*) continue ;; esac
    [ -O "$d" ] && kill -9 "$p" 2>/dev/null && found=1
  done
  [ -z "$found" ] && break
done
[ -z "$found" ] || exit 1
chmod -R u+rwX ${RUN_FOLDER} /tmp /dev/shm 2>/dev/null
rm -rf ${RUN_FOLDER} || exit 1
find /tmp /dev/shm -mindepth 1 -user "$(id -u)" -delete 2>/dev/null
mkdir -p ${RUN_FOLDER}`;

const LIST = `for d in /proc/[0-9]*; do p=\${d#/proc/}; [ $p = $$ ] || [ $p = $PPID ] || echo $p; done`;

export const createSandboxes = ({ cli, owner, image, folder }: SandboxesOptions): Sandboxes => {
  // New settings make another driver in the same process, while runs of the old one go on.
  const self = `${processIdentity(process.pid)}-${randomBytes(4).toString("hex")}`;
  const turns = new Map<string, Promise<void>>();
  /** By name: the policy in force, and the processes that belong to the sandbox itself. */
  const known = new Map<string, { policyYaml: string; readonly own: string }>();

  const exec = (name: string, words: readonly string[]) =>
    cli.expect(["sandbox", "exec", "--name", name, "--no-tty", "--", ...words], TALK_MS);

  const remove = async (name: string): Promise<void> => {
    known.delete(name);
    await cli.expect(["sandbox", "delete", name], TALK_MS);
  };

  const withPolicy = async <T>(text: string, work: (file: string) => Promise<T>): Promise<T> => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `policy-${digestOf("", { ...NOBODY, policyYaml: text })}.yaml`);
    writeFileSync(file, text, { mode: 0o600 });
    try {
      return await work(file);
    } finally {
      rmSync(file, { force: true });
    }
  };

  const reset = async (name: string): Promise<void> => {
    await exec(name, ["/bin/sh", "-c", RESET, "sh", known.get(name)?.own ?? ""]);
  };

  /** The sandbox of that name, when there is one of this process's that works. */
  const isUsable = async (name: string): Promise<boolean> => {
    if (!known.has(name)) return false;
    try {
      await reset(name);
      return true;
    } catch {
      return false; // it crashed, or was deleted by somebody else
    }
  };

  const create = async (name: string, wanted: SandboxClass): Promise<void> => {
    const label = digestOf(self, wanted);
    await discardStale(name, label);
    await withPolicy(wanted.policyYaml, (file) =>
      cli.expect(
        [
          ...["sandbox", "create", "--name", name, "--from", image, "--policy", file],
          ...["--memory", `${Math.ceil(wanted.memoryBytes / MIB)}Mi`],
          ...["--label", `${LABEL}=${owner}`, "--label", `${PROCESS_LABEL}=${self}`],
          ...["--label", `${CLASS_LABEL}=${label}`],
          ...["--no-auto-providers", "--approval-mode", "manual", "--no-tty", "--detach"],
          ...["--", "/bin/sleep", "infinity"],
        ],
        CREATE_MS,
      ),
    );
    try {
      await becomesReady(name);
      const own = (await exec(name, ["/bin/sh", "-c", LIST])).split("\n").join(" ");
      known.set(name, { policyYaml: wanted.policyYaml, own });
      await reset(name);
    } catch (error) {
      await remove(name).catch(() => {});
      throw error;
    }
  };

  const list = async (): Promise<readonly Listed[]> => {
    const words = ["sandbox", "list", "--selector", `${LABEL}=${owner}`, "--limit", String(PAGE)];
    return parseList(await cli.expect([...words, "-o", "json"], TALK_MS));
  };

  const find = async (name: string) => (await list()).find((sandbox) => sandbox.name === name);

  /** What crashed under this very name. */
  const discardStale = async (name: string, label: string): Promise<void> => {
    const found = await find(name);
    if (found === undefined) return;
    if (found.labels[CLASS_LABEL] !== label) {
      throw new SandboxError(`sandbox ${name} belongs to another class: it is left alone`);
    }
    await remove(name);
  };

  const becomesReady = async (name: string): Promise<void> => {
    const deadline = Date.now() + CREATE_MS;
    for (;;) {
      const phase = (await find(name))?.phase ?? "absent";
      if (phase === "Ready") return;
      if (phase === "Error" || phase === "absent" || Date.now() > deadline) {
        throw new SandboxError(`sandbox ${name} does not become ready: ${phase}`);
      }
      await delay(READY_POLL_MS);
    }
  };

  return {
    async lease(wanted) {
      const name = sandboxName(self, wanted);
      let endTurn = () => {};
      const before = turns.get(name);
      const turn = new Promise<void>((resolve) => {
        endTurn = resolve;
      });
      turns.set(
        name,
        (before ?? Promise.resolve()).then(() => turn),
      );
      await before;
      let isCondemned = false;
      try {
        if (!(await isUsable(name))) await create(name, wanted);
      } catch (error) {
        known.delete(name);
        endTurn();
        throw error;
      }
      return {
        name,
        async usePolicy(policyYaml) {
          const state = known.get(name);
          if (state === undefined) throw new SandboxError(`sandbox ${name} is gone`);
          if (state.policyYaml === policyYaml) return;
          isCondemned = true; // until it is known which of the two is in force
          await withPolicy(policyYaml, (file) =>
            cli.expect(
              [
                ...["policy", "set", name, "--policy", file],
                ...["--wait", "--timeout", String(POLICY_SECONDS)],
              ],
              (POLICY_SECONDS + 30) * 1000,
            ),
          );
          isCondemned = false;
          state.policyYaml = policyYaml;
        },
        condemn() {
          isCondemned = true;
        },
        async giveBack() {
          try {
            if (isCondemned) throw new SandboxError(`sandbox ${name} is condemned`);
            await reset(name);
          } catch {
            await remove(name).catch(() => {}); // the next run meets it and deletes it again
          } finally {
            endTurn();
          }
        },
      };
    },

    async sweep() {
      for (const { name, labels } of await list()) {
        const process = labels[PROCESS_LABEL];
        const isLeft = typeof process === "string" && !isOwnerAlive(process);
        // Another process may sweep, too; what stays takes nothing from anybody's runs.
        if (isLeft) await remove(name).catch(() => {});
      }
    },

    async close() {
      await Promise.allSettled([...known.keys()].map(remove));
    },
  };
};

const NOBODY = { tenantId: "", memoryBytes: 0 };
