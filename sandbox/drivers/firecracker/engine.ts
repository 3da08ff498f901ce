import { once } from "node:events";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import type { Cgroup } from "../../cgroup/cgroup.ts";
import type { EngineProcess, Exit } from "../../engine-process.ts";
import { messageOf, SandboxError } from "../../errors.ts";
import type { Guest, GuestExit } from "./guest.ts";

/** A guest that waits for its job, seen as the process that other engines are. */
export interface GuestEngine extends EngineProcess {
  /** Says what `go` hands over, and which outputs are to come back. */
  expect(jobFolder: string, outputs: string | undefined): void;
  /** Processes that the guest's kernel refused to the job. */
  refusedForks(): number;
  /** Aborts when the guest's kernel killed a process of the job for want of memory. */
  readonly outOfMemory: AbortSignal;
  /** What is known of the end, once it has come. */
  found(): Found;
}

interface Found {
  /** Set when the machine ended under the job, or spoke nonsense. */
  readonly fault?: string;
  readonly isDiskFull: boolean;
  /** 0 when the guest could not say it any more. */
  readonly peakMemoryBytes: number;
  readonly isOutputCut: boolean;
}

interface EngineParts {
  readonly cgroup: Cgroup;
  readonly guest: Guest;
  readonly connection: Socket;
  readonly outputsFolder: string;
  readonly mostOutputBytes: number;
}

const KILLED = 137;

export const createGuestEngine = (parts: EngineParts): GuestEngine => {
  const { cgroup, guest, connection, outputsFolder, mostOutputBytes } = parts;
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  for (const stream of [stdout, stderr]) stream.on("error", () => {}); // let go of in mid-sentence
  const outOfMemory = new AbortController();
  let expected: { readonly jobFolder: string; readonly outputs: string | undefined } | undefined;
  let isRunning = false;
  let outputBytes = 0;
  let refusedForks = 0;
  let end: GuestExit | undefined;
  let fault: string | undefined;
  let isOutputCut = false;

  let settle: (exit: Exit) => void = () => {};
  const exit = new Promise<Exit>((resolve) => {
    settle = resolve;
  });
  const finish = (code: number) => {
    stdout.end();
    stderr.end();
    settle({ code });
  };
  // Once the job runs, what is still to be read counts before the end of the connection does.
  connection.once("close", () => {
    if (!isRunning) finish(KILLED);
  });

  const run = async (): Promise<void> => {
    if (expected === undefined) throw new SandboxError("the guest was given no job");
    await guest.start(expected.jobFolder, expected.outputs);
    end = await guest.follow({
      stdout: (chunk) => void stdout.write(chunk),
      stderr: (chunk) => void stderr.write(chunk),
      refusedForks(count) {
        refusedForks = count;
      },
      outputsFolder,
      countOutput(bytes) {
        outputBytes += bytes;
        if (outputBytes > mostOutputBytes) throw new SandboxError("the guest sends without end");
      },
      skip() {
        isOutputCut = true;
      },
    });
    if (end.isOutOfMemory) outOfMemory.abort();
    else if (end.exitCode === undefined) fault = "the guest's processes ended all at once";
  };

  const closed = Promise.all([once(stdout, "end"), once(stderr, "end")]).then(() => {});
  closed.catch(() => {}); // the same
  return {
    cgroup,
    exit,
    closed,
    stdout,
    stderr,
    expect(jobFolder, outputs) {
      expected = { jobFolder, outputs };
    },
    go() {
      isRunning = true;
      run()
        .catch((error: unknown) => {
          fault = messageOf(error);
        })
        .finally(() => finish(end?.exitCode ?? KILLED));
    },
    refusedForks: () => refusedForks,
    outOfMemory: outOfMemory.signal,
    found: () => ({
      ...(fault === undefined ? {} : { fault }),
      isDiskFull: end?.isDiskFull ?? false,
      peakMemoryBytes: end?.peakMemoryBytes ?? 0,
      isOutputCut,
    }),
    collected: () => Buffer.alloc(0),
    release() {
      connection.destroy();
      for (const stream of [stdout, stderr]) stream.destroy();
    },
  };
};
