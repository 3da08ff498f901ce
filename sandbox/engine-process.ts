import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { constants as systemConstants } from "node:os";
import { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Cgroup } from "./cgroup/cgroup.ts";
import { messageOf, SandboxError } from "./errors.ts";
import { inheritedDescriptors } from "./inherited-descriptors.ts";
import { capture } from "./output.ts";

/** An engine's command line. */
export interface EngineCommand {
  readonly command: readonly string[];
  readonly cgroup: Cgroup;
  /**
   * Named pipes for stdout and stderr: what Node makes are sockets, and a job could not open
   * /dev/stdout or /dev/stderr again, as shell scripts do.
   */
  readonly outputs: readonly [stdout: string, stderr: string];
  /** Whom the engine runs as; absent means as ourselves. */
  readonly uid?: number;
  /** Files that the engine itself may hold open, as far as this host lets it. */
  readonly openFiles: number;
  /** What goes to the file descriptors from FIRST_EXTRA on. */
  readonly extra?: readonly Extra[];
}

/**
 * A pipe of the engine: bytes that are piped in; or what it says is collected; or it waits for a byte,
 * which comes when `permit`, given the first thing that was collected, has resolved.
 */
export type Extra = Buffer | "collect" | { permit(said: string): Promise<void> };

/** An engine whose sandbox is up and whose launcher waits for the job. */
export interface EngineProcess {
  readonly cgroup: Cgroup;
  /** Resolves with how it ended. */
  readonly exit: Promise<Exit>;
  /** Resolves when no process holds its outputs any more. */
  readonly closed: Promise<void>;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Tells the launcher that its job is there. */
  go(): void;
  /** What came out of the `extra` entries that said "collect", joined. */
  collected(): Buffer;
  /** Lets go of the pipes. */
  release(): void;
}

/** How a process ended. */
export interface Exit {
  /** As a shell says it: 128 + n for signal n. */
  readonly code: number;
}

const BOOT_MS = 20_000;
const COLLECT_BYTES = 4096;
const SAID_BYTES = 300;
const LAST_WORDS_MS = 500;
// The shell that enters knows descriptors of one digit only.
const FIRST_ENTRANCE = 3;
const MOST_ENTRANCES = 4;
/** The file descriptor that an engine has its first `extra` at. */
export const FIRST_EXTRA = FIRST_ENTRANCE + MOST_ENTRANCES;

// Enters the control groups before anything else runs, so that nothing escapes the count. Their
// files were opened by us, whose right it is that counts. When entering fails the process kills
// itself: an exit code would look like the job's own.
const ENTER = `for n in $1; do echo 0 >&$n || kill -9 $$; done
ulimit -c 0
ulimit -n $2 2>/dev/null || ulimit -n $(ulimit -Hn)
shift 2
exec "$@" 3>&- 4>&- 5>&- 6>&-`;
// What whoever started the gateway left open must not reach a job; Node cannot close it, so it is
// covered. Looked up once: nothing that Node opens later is inheritable.
const DEV_NULL = openSync("/dev/null", "r");
const INHERITED = inheritedDescriptors();
const ENGINE_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/**
 * Starts an engine in its control group and waits for the launcher's first byte. Throws SandboxError
 * with what the engine said when it ends before, or takes too long; the group is to be killed then.
 */
export const startEngine = async (engine: EngineCommand): Promise<EngineProcess> => {
  const { cgroup, uid, openFiles, extra = [] } = engine;
  // The readers first: a writer waits for one.
  const [stdout, stderr] = [openReader(engine.outputs[0]), openReader(engine.outputs[1])];
  const writers = engine.outputs.map((path) => openSync(path, "w"));
  const entrances = cgroup.entrances.map((file) => openSync(file, "w"));
  const gap = MOST_ENTRANCES - entrances.length;
  let child: ChildProcess;
  try {
    const numbers = entrances.map((_, index) => FIRST_ENTRANCE + index).join(" ");
    child = spawn("/bin/sh", ["-c", ENTER, "sh", numbers, String(openFiles), ...engine.command], {
      env: ENGINE_ENVIRONMENT,
      cwd: "/",
      ...(uid === undefined ? {} : { uid, gid: uid }),
      stdio: [
        ...["pipe" as const, ...writers],
        ...entrances,
        ...Array.from({ length: gap }, () => DEV_NULL),
        ...extra.map(() => "pipe" as const),
        ...covers(FIRST_EXTRA + extra.length),
      ],
    });
  } finally {
    for (const file of [...writers, ...entrances]) closeSync(file);
  }
  if (child.pid !== undefined) cgroup.adopt(child.pid);
  const stdin = writable(child, 0);
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code: code ?? 128 + signalNumber(signal) }));
  });
  exit.catch(() => {}); // told by the boot that waits for it
  const collecting = extra.flatMap((entry, index) =>
    entry === "collect"
      ? [capture(readable(child, FIRST_EXTRA + index), COLLECT_BYTES, () => {})]
      : [],
  );
  let refusal: unknown;
  for (const [index, entry] of extra.entries()) {
    if (entry === "collect") continue;
    const pipe = writable(child, FIRST_EXTRA + index);
    if (Buffer.isBuffer(entry)) pipe.end(entry);
    else {
      firstChunk(readable(child, FIRST_EXTRA + extra.indexOf("collect")))
        .then((said) => entry.permit(said))
        .then(() => pipe.end("+"))
        .catch((error: unknown) => {
          refusal = error;
          return cgroup.kill();
        })
        .catch(() => {}); // whoever waits for the first byte kills again
    }
  }
  const started: EngineProcess = {
    cgroup,
    exit,
    closed: Promise.all([closing(stdout), closing(stderr)]).then(() => {}),
    stdout,
    stderr,
    go: () => void stdin.end(),
    collected: () => Buffer.concat(collecting.map((part) => part.bytes())),
    release() {
      for (const stream of [stdout, stderr, ...child.stdio]) stream?.destroy();
    },
  };
  try {
    await firstByte(stdout, exit);
    stderr.read(); // what the engine said of its own start is not the job's
    return started;
  } catch (cause) {
    await cgroup.kill();
    const said = await lastWords(started);
    started.release();
    throw new SandboxError(said === "" ? messageOf(refusal ?? cause) : said, { cause });
  }
};

/** What a dead engine had to say. */
const lastWords = async ({ stdout, stderr, closed }: EngineProcess): Promise<string> => {
  stdout.resume();
  const said = capture(stderr, SAID_BYTES, () => {});
  await Promise.race([closed, delay(LAST_WORDS_MS, undefined, { ref: false })]);
  return said.bytes().toString().trim();
};

const openReader = (path: string): Readable => {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stream = new Socket({ fd, readable: true, writable: false });
  stream.on("error", () => {}); // ends it, as its close tells
  return stream;
};

const closing = (stream: Readable): Promise<void> =>
  new Promise((resolve) => stream.once("close", () => resolve()));

const firstChunk = (stream: Readable): Promise<string> =>
  new Promise((resolve) => stream.once("data", (chunk: Buffer) => resolve(chunk.toString())));

/** Takes one byte from the stream and leaves the rest in it. */
const firstByte = (stream: Readable, exit: Promise<Exit>): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => settle(() => reject(new SandboxError(`it does not boot in ${BOOT_MS} ms`))),
      BOOT_MS,
    );
    const settle = (how: () => void) => {
      clearTimeout(timer);
      stream.off("readable", onReadable);
      how();
    };
    const onReadable = () => stream.read(1) !== null && settle(resolve);
    stream.on("readable", onReadable);
    exit.then(
      ({ code }) => settle(() => reject(new SandboxError(`it ended with exit ${code}`))),
      (error) => settle(() => reject(error)),
    );
  });

/** Entries for the descriptors from `from` on, so that none is inherited. */
const covers = (from: number): ("ignore" | number)[] =>
  Array.from({ length: Math.max(0, Math.max(0, ...INHERITED) + 1 - from) }, (_, index) =>
    INHERITED.includes(from + index) ? DEV_NULL : "ignore",
  );

const signalNumber = (signal: NodeJS.Signals | null): number =>
  signal === null ? 0 : (systemConstants.signals[signal] ?? 0);

const writable = (child: ChildProcess, descriptor: number): Writable => {
  const stream = child.stdio[descriptor];
  if (!(stream instanceof Writable)) throw notAPipe(descriptor);
  stream.on("error", () => {}); // EPIPE: it ended without reading all, which its exit tells
  return stream;
};

const readable = (child: ChildProcess, descriptor: number): Readable => {
  const stream = child.stdio[descriptor];
  if (!(stream instanceof Readable)) throw notAPipe(descriptor);
  stream.on("error", () => {});
  return stream;
};

const notAPipe = (descriptor: number) =>
  new SandboxError(`descriptor ${descriptor} of the engine is not a pipe`);
