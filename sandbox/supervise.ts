import { setTimeout as delay } from "node:timers/promises";
import type { Limits, RunResult } from "./driver.ts";
import type { EngineProcess } from "./engine-process.ts";
import { capture } from "./output.ts";

type Reason = NonNullable<RunResult["reason"]>;

/** What a job may use, and who else may end it. */
export interface Supervision {
  readonly limits: Limits;
  /** Set where the kernel's own limit is too rough for the engine: above this we kill. */
  readonly polledMemoryBytes?: number;
  /** Processes that the engine's kernel refused to the job, where the control group cannot say. */
  refusedForks?(): number;
  /** Each ends the run when it aborts. */
  readonly stops: readonly { readonly signal: AbortSignal; readonly reason: Reason }[];
}

/** How an engine process ended. Everything here was seen from outside the sandbox. */
export interface Ended {
  /** Set when it was us, or the kernel for want of memory, who ended it. */
  readonly reason?: Reason;
  /** As a shell says it: 128 + n for signal n. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly isTruncated: boolean;
  /** Whether the control group refused the job a process. */
  readonly isShortOfProcesses: boolean;
  readonly usage: RunResult["usage"];
}

const POLL_MS = 25;
// A job that is refused processes so often, or for so long, will not come to its senses. One that
// was refused a few may have coped with it.
const BOMB_FORKS = 8;
const BOMB_MS = 1_000;
/** How long the pipes may stay open once every process that could hold them is dead. */
const PIPE_GRACE_MS = 500;

/**
 * Lets a booted engine run its job to the end, or kills its control group at the first limit it
 * passes. The clock starts now; what booting used does not count.
 */
export const supervise = async (
  engine: EngineProcess,
  { limits, polledMemoryBytes = Infinity, stops, ...supervision }: Supervision,
): Promise<Ended> => {
  const { cgroup } = engine;
  const refusedForks = supervision.refusedForks ?? (() => cgroup.refusedForks());
  const bootCpuMs = cgroup.cpuMs();
  const refusedAtBoot = refusedForks();
  let reason: Reason | undefined;
  let onUnkillable: (error: unknown) => void = () => {};
  const unkillable = new Promise<never>((_, reject) => {
    onUnkillable = reject;
  });
  unkillable.catch(() => {}); // it may also fail when nobody waits any more
  const end = (why: Reason) => {
    reason ??= why;
    cgroup.kill().catch(onUnkillable);
  };

  const startedAt = performance.now();
  const wall = setTimeout(() => end("wall"), limits.wallMs);
  const stdout = capture(engine.stdout, limits.outputBytes, () => end("output"));
  const stderr = capture(engine.stderr, limits.outputBytes, () => end("output"));
  const isBombing = createBombWatch(refusedAtBoot, refusedForks);
  const poll = setInterval(() => {
    if (cgroup.cpuMs() - bootCpuMs > limits.cpuMs) end("cpu");
    // The kernel may have killed one process only, and the others wait for it for ever.
    if (cgroup.memoryBytes() > polledMemoryBytes || cgroup.isOutOfMemory()) end("memory");
    if (isBombing(performance.now())) end("pids");
  }, POLL_MS);
  const listeners = stops.map(({ signal, reason }) => ({ signal, stop: () => end(reason) }));
  for (const { signal, stop } of listeners) {
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  }
  const stopWatching = () => {
    clearTimeout(wall);
    clearInterval(poll);
    for (const { signal, stop } of listeners) signal.removeEventListener("abort", stop);
  };

  try {
    engine.go();
    const exit = await Promise.race([engine.exit, unkillable]);
    const wallMs = performance.now() - startedAt;
    stopWatching(); // it ended by itself: what comes now is not the reason
    const refused = refusedForks() - refusedAtBoot; // before killing, which refuses forks, too
    if (refused >= BOMB_FORKS) reason ??= "pids";
    await cgroup.kill(engine.closed); // what the job left running
    await Promise.race([engine.closed, delay(PIPE_GRACE_MS, undefined, { ref: false })]);
    if (cgroup.isOutOfMemory()) reason ??= "memory";
    return {
      ...(reason === undefined ? {} : { reason }),
      exitCode: exit.code,
      stdout: stdout.bytes(),
      stderr: stderr.bytes(),
      isTruncated: stdout.isCut() || stderr.isCut(),
      isShortOfProcesses: refused > 0,
      usage: {
        wallMs,
        cpuMs: Math.max(0, cgroup.cpuMs() - bootCpuMs),
        peakMemoryBytes: cgroup.peakMemoryBytes(),
      },
    };
  } finally {
    stopWatching();
    engine.release();
  }
};

/** True once processes are refused many times, or still a second after the first time. */
const createBombWatch = (refusedBefore: number, refusedForks: () => number) => {
  let seen = refusedBefore;
  let firstAt: number | undefined;
  return (now: number): boolean => {
    const refused = refusedForks();
    if (refused === seen) return false;
    seen = refused;
    firstAt ??= now;
    return refused - refusedBefore >= BOMB_FORKS || now - firstAt >= BOMB_MS;
  };
};
