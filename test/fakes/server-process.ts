import { type ChildProcess, spawn } from "node:child_process";
import { rmSync } from "node:fs";

const READY_MS = 30_000;
const KEPT_OUTPUT = 8_192;

/** A server program that can be stopped and started again on what it has on disk. */
export interface ServerProcess {
  /** Resolves when it takes connections, at once when it runs already; rejects with its output when it ends instead. */
  start(): Promise<void>;
  /** Sends the signal and waits until it and all its children are gone. */
  stop(signal: NodeJS.Signals): Promise<void>;
  /** Stops it the quick way and removes its folder. */
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly command: readonly [program: string, ...args: string[]];
  /** What it prints, on either stream, once it takes connections. */
  readonly ready: string;
  /** All that it keeps; removed by `close` and when this process exits. */
  readonly folder: string;
  /** Ends it quickly and leaves nothing behind; also what it gets should this process die. */
  readonly endSignal: NodeJS.Signals;
  /** Whom it runs as; the same user as this process when absent. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

// A test file that fails may never come to its `close`: vitest ends its worker with SIGTERM. A vitest
// that is killed cannot; then the channel between them closes.
const abandon = new Set<() => void>();
process.once("SIGTERM", () => process.exit(143));
process.once("disconnect", () => process.exit(1));
process.once("exit", () => {
  for (const end of abandon) end();
});

/** Prepares a server; it is not started yet. */
export const serverProcess = (options: ServerOptions): ServerProcess => {
  const { ready, folder, endSignal } = options;
  let child: ChildProcess | undefined;
  let closed: Promise<void> = Promise.resolve();

  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  const end = () => {
    child?.kill(endSignal);
    remove();
  };
  abandon.add(end);

  const stop = async (signal: NodeJS.Signals) => {
    child?.kill(signal);
    await closed;
  };

  return {
    stop,
    start: async () => {
      if (child) return;
      const starting = spawnBound(options);
      child = starting;
      // "close" comes after "exit": when the last of its children has let go of the output too.
      closed = new Promise<void>((resolve) => {
        starting.once("close", () => {
          child = undefined;
          resolve();
        });
      });
      await readiness(starting, ready);
    },
    close: async () => {
      await stop(endSignal);
      remove();
      abandon.delete(end);
    },
  };
};

/** Starts the program so that, on Linux, the kernel ends it when this process dies, however it dies. */
const spawnBound = ({ command, endSignal, folder, user }: ServerOptions): ChildProcess => {
  const bound =
    process.platform === "linux" ? ["setpriv", "--pdeathsig", endSignal.replace("SIG", "")] : [];
  const [program = "", ...args] = [...bound, ...command];
  return spawn(program, args, {
    ...user,
    cwd: folder,
    env: { PATH: process.env.PATH, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
  });
};

const readiness = (child: ChildProcess, ready: string) =>
  new Promise<void>((resolve, reject) => {
    let output = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`${child.spawnargs.join(" ")} ${why}:\n${output}`));
    };
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail("was not ready in time");
    }, READY_MS);
    const onData = (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-KEPT_OUTPUT);
      if (!output.includes(ready)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on("data", onData);
    child.stderr?.on("data", onData);
    child.once("error", (error) => fail(`could not be started (${error.message})`));
    child.once("close", (code, signal) => fail(`ended with ${code ?? signal}`));
  });
