import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { getSystemErrorName } from "node:util";
import { SandboxError } from "./errors.ts";

/**
 * System calls that Node has not, mount(2) above all. Needs /usr/bin/python3. Without root it mounts
 * in a user and mount namespace of its own, where engines then have to run, too.
 */
export interface Mounter {
  /** Put before a command line that is to see what was mounted; not before the first mount is. */
  readonly enter: readonly string[];
  /** Under which name we see a path of that place ourselves. */
  view(path: string): string;
  /** A new empty file system in memory on an empty folder; never set-user-id, never a device. */
  tmpfs(folder: string, options: TmpfsOptions): Promise<void>;
  /** Shows a folder at another place, where nobody can write to it. */
  bindReadOnly(source: string, folder: string): Promise<void>;
  /** What is still in use leaves the tree at once and is freed by its last user. */
  unmount(folder: string): Promise<void>;
  /** Makes a named pipe that only its owner may open. */
  pipe(path: string): Promise<void>;
  /** Lets everyone in the network namespace of a process listen on the ports below 1024. */
  openLowPorts(pid: number): Promise<void>;
  close(): void;
}

export interface TmpfsOptions {
  /** Rounded up to whole pages by the kernel. */
  readonly sizeBytes: number;
  /** Files and folders, the root folder among them. */
  readonly inodes: number;
  readonly uid: number;
}

// mount(2) itself takes 0.1 ms; mount(8) for each slot would take longer than bwrap's whole boot.
// One request a line, its words divided by NUL; the answer is errno, 0 for success.
const HELPER = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
RDONLY, NOSUID, NODEV, REMOUNT, BIND = 1, 2, 4, 32, 4096
DETACH, NOFOLLOW, EBUSY = 2, 8, 16
NEWNET = 0x40000000
def mount(*words):
    return 0 if libc.mount(*words) == 0 else ctypes.get_errno()
def tmpfs(folder, options):
    return mount(b"clawgate", folder, b"tmpfs", NOSUID | NODEV, options)
def bind(source, folder):
    return mount(source, folder, None, BIND, None) or mount(
        None, folder, None, REMOUNT | BIND | RDONLY | NOSUID | NODEV, None)
def unmount(folder):
    for flags in NOFOLLOW, NOFOLLOW | DETACH:
        error = 0 if libc.umount2(folder, flags) == 0 else ctypes.get_errno()
        if error != EBUSY: break
    return error
def pipe(path):
    os.mkfifo(path, 0o600)
    return 0
def ports(pid):
    with open("/proc/self/ns/net") as home, open(b"/proc/%s/ns/net" % pid) as there:
        if libc.setns(there.fileno(), NEWNET) != 0: return ctypes.get_errno()
        try:
            with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as file: file.write("0")
            return 0
        finally:
            if libc.setns(home.fileno(), NEWNET) != 0: os._exit(1)
verbs = {b"tmpfs": tmpfs, b"bind": bind, b"unmount": unmount, b"pipe": pipe, b"ports": ports}
for line in sys.stdin.buffer:
    verb, *words = line[:-1].split(b"\\0")
    try:
        error = verbs[verb](*words)
    except OSError as failure:
        error = failure.errno
    print(error, flush=True)
`;

const PYTHON = ["/usr/bin/python3", "-I", "-S", "-c"];
const OWN_NAMESPACE = [
  ...["/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--propagation=private", "--"],
];

/** Starts the process that mounts; it ends with ours. */
export const createMounter = (): Mounter => {
  const isRoot = process.getuid?.() === 0;
  const [program = "", ...words] = [...(isRoot ? [] : OWN_NAMESPACE), ...PYTHON, HELPER];
  const child = spawn(program, words, {
    env: {},
    cwd: "/",
    stdio: ["pipe", "pipe", "ignore"],
  });
  const pending: { resolve(errno: number): void; reject(error: Error): void }[] = [];
  let fault: SandboxError | undefined;
  const fail = (detail: string) => {
    fault ??= new SandboxError(`the mount process ${detail}`);
    for (const { reject } of pending.splice(0)) reject(fault);
  };
  // It must not keep our process alive, except while somebody waits for an answer.
  const handles = [child, child.stdin, child.stdout] as unknown as {
    ref(): void;
    unref(): void;
  }[];
  const hold = (isHeld: boolean) => {
    for (const handle of handles) isHeld ? handle.ref() : handle.unref();
  };
  child.once("error", (error) => fail(`cannot be started: ${error.message}`));
  child.once("exit", (code, signal) => fail(`ended: ${signal ?? `exit ${code}`}`));
  child.stdin.on("error", () => {}); // its exit says it all
  createInterface({ input: child.stdout }).on("line", (line) => {
    pending.shift()?.resolve(Number(line));
    if (pending.length === 0) hold(false);
  });
  hold(false);

  const ask = async (...words: readonly string[]): Promise<void> => {
    const [verb, folder = ""] = [words[0], words[1]];
    if (words.some((word) => /[\n\0]/.test(word))) {
      throw new SandboxError(`cannot ${verb} ${JSON.stringify(folder)}: its path has a line break`);
    }
    if (fault !== undefined) throw fault;
    hold(true);
    const errno = await new Promise<number>((resolve, reject) => {
      pending.push({ resolve, reject });
      child.stdin.write(`${words.join("\0")}\n`);
    });
    if (errno !== 0) {
      throw new SandboxError(`cannot ${verb} ${folder}: ${getSystemErrorName(-errno)}`);
    }
  };
  return {
    enter: isRoot
      ? []
      : [
          ...["/usr/bin/nsenter", "--user", "--mount", "--preserve-credentials"],
          ...[`--target=${child.pid}`, "--"],
        ],
    view: (path) => (isRoot ? path : `/proc/${child.pid}/root${path}`),
    tmpfs: (folder, { sizeBytes, inodes, uid }) =>
      ask("tmpfs", folder, `size=${sizeBytes},nr_inodes=${inodes},mode=700,uid=${uid},gid=${uid}`),
    bindReadOnly: (source, folder) => ask("bind", source, folder),
    unmount: (folder) => ask("unmount", folder),
    pipe: (path) => ask("pipe", path),
    openLowPorts: (pid) => ask("ports", String(pid)),
    close: () => void child.stdin.end(),
  };
};
