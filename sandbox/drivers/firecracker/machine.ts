import { spawn } from "node:child_process";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import { messageOf, SandboxError } from "../../errors.ts";
import { capture } from "../../output.ts";
import { createApi, type FirecrackerApi } from "./api.ts";
import { INSIDE, type Jail } from "./jail.ts";
import { connectGuest } from "./vsock.ts";

/** A machine whose guest has booted and answers. */
export interface Machine {
  /** To the guest's launcher; closes when the machine ends. */
  readonly connection: Socket;
}

interface MachineParts {
  readonly jail: Jail;
  readonly cgroup: Cgroup;
  readonly memoryBytes: number;
  /** Until the guest answers. */
  readonly bootMs: number;
}

/** The port that guest/init.py listens on. */
const LAUNCHER_PORT = 5000;
/** Each machine has a vsock of its own, so all guests may bear the same number. 0 to 2 are taken. */
const GUEST_CID = 3;
// One, or an even number.
const VCPUS = 2;
const MIB = 1 << 20;
const RETRY_MS = 5;
const SAID_BYTES = 4096;
// No serial port and no keyboard: probing them takes longer than all the rest of the boot.
const BOOT_ARGUMENTS =
  "ro quiet panic=1 reboot=k 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd init=/sbin/init";
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
// Enters the control group before the jailer does anything. When that fails the process kills itself.
const ENTER = 'while [ "$1" != -- ]; do echo 0 >"$1" || kill -9 $$; shift; done; shift; exec "$@"';

/**
 * Boots a machine: jailer, configuration, start, and a connection to the guest. Throws SandboxError
 * when that fails or takes too long; the control group is to be killed then.
 */
export const bootMachine = async (parts: MachineParts): Promise<Machine> => {
  const { jail, cgroup, memoryBytes, bootMs } = parts;
  const child = spawn("/bin/sh", ["-c", ENTER, "sh", ...cgroup.entrances, "--", ...jail.command], {
    env: ENVIRONMENT,
    cwd: "/",
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = [child.stdout, child.stderr].map((stream) => capture(stream, SAID_BYTES, () => {}));
  // The jailer leaves Firecracker in its place and ends; the pipes close when both are gone.
  const died = new AbortController();
  // On Node 20, what AbortSignal.any makes of an AbortSignal.timeout that nobody else holds never
  // fires once the garbage collector has run.
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), bootMs);
  const end = (): void => {
    died.abort();
    ending.abort();
  };
  child.once("error", end);
  child.once("close", end);
  const deadline = ending.signal;
  try {
    const apiSocket = join(jail.root, INSIDE.api);
    await isListening(apiSocket, deadline);
    await configure(createApi(apiSocket), memoryBytes);
    const connection = await connectGuest(join(jail.root, INSIDE.vsock), LAUNCHER_PORT, deadline);
    return { connection };
  } catch (cause) {
    const why = messageOf(cause);
    if (!died.signal.aborted) throw new SandboxError(why, { cause });
    const words = Buffer.concat(said.map((stream) => stream.bytes())).toString("latin1");
    throw new SandboxError(`it ended while it booted: ${plain(words) || why}`, { cause });
  } finally {
    clearTimeout(timer);
  }
};

/** The order is Firecracker's: what is configured after the start is refused. */
const configure = async (api: FirecrackerApi, memoryBytes: number): Promise<void> => {
  await api.put("/logger", { log_path: INSIDE.log, level: "Warning", show_level: true });
  await api.put("/metrics", { metrics_path: INSIDE.metrics });
  await api.put("/machine-config", {
    vcpu_count: VCPUS,
    mem_size_mib: Math.ceil(memoryBytes / MIB),
    smt: false,
  });
  await api.put("/boot-source", { kernel_image_path: INSIDE.kernel, boot_args: BOOT_ARGUMENTS });
  await api.put("/drives/rootfs", {
    drive_id: "rootfs",
    path_on_host: INSIDE.rootfs,
    is_root_device: true,
    is_read_only: true,
  });
  await api.put("/drives/scratch", {
    drive_id: "scratch",
    path_on_host: INSIDE.scratch,
    is_root_device: false,
    is_read_only: false,
  });
  await api.put("/vsock", { guest_cid: GUEST_CID, uds_path: INSIDE.vsock });
  await api.put("/actions", { action_type: "InstanceStart" });
};

/** The socket is there a moment before anybody listens on it. */
const isListening = async (path: string, deadline: AbortSignal): Promise<void> => {
  while (!(await answers(path))) {
    if (deadline.aborted) throw new SandboxError("firecracker does not open its control socket");
    await delay(RETRY_MS);
  }
};

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });

const plain = (text: string): string =>
  text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(-300);
