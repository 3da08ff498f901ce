import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { constants } from "node:os";
import { Readable, Writable } from "node:stream";
import type { Cgroup } from "./cgroup/cgroup.ts";
import type { Limits, RunResult } from "./driver.ts";
import { SandboxError } from "./errors.ts";
import { inheritedDescriptors } from "./inherited-descriptors.ts";
import { capture } from "./output.ts";

/** An engine's command line and how to watch it. */
export interface EngineProcess {
  readonly command: readonly string[];
  readonly cgroup: Cgroup;
  readonly limits: Limits;
  readonly stdin: Buffer;
  /** What goes to the file descriptors from 3 on: bytes that are piped in, or a pipe to read. */
  readonly extra?: readonly (Buffer | "collect")[];
  /** Set where the kernel's own limit is too rough for the engine: above this we kill. */
  readonly polledMemoryBytes?: number;
}

/** How an engine process ended. Everything here was seen from outside the sandbox. */
export interface Ended {
  /** Set when it was us, or the kernel for want of memory, who ended it. */
  readonly reason?: NonNullable<RunResult["reason"]>;
  /** As a shell says it: 128 + n for signal n. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** What came out of the `extra` entries that said "collect", joined. */
  readonly collected: Buffer;
  readonly usage: RunResult["usage"];
}

const CPU_POLL_MS = 50;
const MEMORY_POLL_MS = 25;
/** How long the pipes may stay open once every process that could hold them is dead. */
const PIPE_GRACE_MS = 500;

// Enters the control groups before anything else runs, so that nothing escapes the count. When that
// fails the process kills itself: an exit code would look like the job's own.
const ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1" || kill -9 $$; shift; done; shift; exec "$@"';
// What whoever started the gateway left open must not reach a job; Node cannot close it, so it is
// covered. Looked up once: nothing that Node opens later is inheritable.
const DEV_NULL = openSync("/dev/null", "r");
const INHERITED = inheritedDescriptors();
const ENGINE_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/** Runs an engine in its control group to the end, or kills the group at the first limit it passes. */
export const supervise = async (engine: EngineProcess, signal: AbortSignal): Promise<Ended> => {
  const { cgroup, limits, extra = [] } = engine;
  const startedAt = performance.now();
  let reason: Ended["reason"];
  let onUnkillable: (error: unknown) => void = () => {};
  const unkillable = new Promise<never>((_, reject) => {
    onUnkillable = reject;
  });
  unkillable.catch(() => {}); // it may also fail when nobody waits any more
  const end = (why: NonNullable<Ended["reason"]>) => {
    reason ??= why;
    cgroup.kill().catch(onUnkillable);
  };

  const child = spawn(
    "/bin/sh",
    ["-c", ENTER, "sh", ...cgroup.entrances, "--", ...engine.command],
    {
      env: ENGINE_ENVIRONMENT,
      cwd: "/",
      stdio: [
        "pipe",
        "pipe",
        "pipe",
        ...extra.map(() => "pipe" as const),
        ...covers(3 + extra.length),
      ],
    },
  );
  const stdout = capture(readable(child, 1), limits.outputBytes, () => end("output"));
  const stderr = capture(readable(child, 2), limits.outputBytes, () => end("output"));
  const collected = extra.flatMap((entry, index) =>
    entry === "collect" ? [capture(readable(child, index + 3), 4096, () => {})] : [],
  );
  feed(child, 0, engine.stdin);
  for (const [index, entry] of extra.entries()) {
    if (Buffer.isBuffer(entry)) feed(child, index + 3, entry);
  }

  const wall = setTimeout(() => end("wall"), limits.wallMs);
  const cpuPoll = setInterval(() => {
    if (cgroup.cpuMs() > limits.cpuMs) end("cpu");
  }, CPU_POLL_MS);
  const memoryPoll = setInterval(() => {
    // The kernel may have killed one process only, and the others wait for it for ever.
    const isOver = cgroup.memoryBytes() > (engine.polledMemoryBytes ?? Infinity);
    if (isOver || cgroup.isOutOfMemory()) end("memory");
  }, MEMORY_POLL_MS);
  const onAbort = () => end("aborted");
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  const stopWatching = () => {
    clearTimeout(wall);
    clearInterval(cpuPoll);
    clearInterval(memoryPoll);
    signal.removeEventListener("abort", onAbort);
  };

  try {
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
    const exitCode = await Promise.race([exit(child), unkillable]);
    const wallMs = performance.now() - startedAt;
    stopWatching(); // it ended by itself: what comes now is not the reason
    await cgroup.kill(); // what the job left running
    await Promise.race([closed, after(PIPE_GRACE_MS)]);
    if (cgroup.isOutOfMemory()) reason ??= "memory";
    return {
      ...(reason === undefined ? {} : { reason }),
      exitCode,
      stdout: stdout.bytes(),
      stderr: stderr.bytes(),
      collected: Buffer.concat(collected.map((part) => part.bytes())),
      usage: { wallMs, cpuMs: cgroup.cpuMs(), peakMemoryBytes: cgroup.peakMemoryBytes() },
    };
  } finally {
    stopWatching();
    for (const stream of child.stdio) stream?.destroy();
  }
};

/** Entries for the descriptors from `from` on, so that none is inherited. */
const covers = (from: number): ("ignore" | number)[] =>
  Array.from({ length: Math.max(0, Math.max(0, ...INHERITED) + 1 - from) }, (_, index) =>
    INHERITED.includes(from + index) ? DEV_NULL : "ignore",
  );

const exit = (child: ChildProcess): Promise<number> =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + signalNumber(signal)));
  });

const signalNumber = (signal: NodeJS.Signals | null): number =>
  signal === null ? 0 : (constants.signals[signal] ?? 0);

const feed = (child: ChildProcess, descriptor: number, bytes: Buffer): void => {
  const stream = child.stdio[descriptor];
  if (!(stream instanceof Writable)) return;
  stream.on("error", () => {}); // EPIPE: it ended without reading all, which is its own affair
  stream.end(bytes);
};

const readable = (child: ChildProcess, descriptor: number): Readable => {
  const stream = child.stdio[descriptor];
  if (stream instanceof Readable) return stream;
  throw new SandboxError(`descriptor ${descriptor} of the engine is not a pipe`);
};

/** A pause that does not keep the process alive. */
const after = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms).unref());
