import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { createFrameReader } from "./frame-reader.ts";
import { RELAY_SOURCE } from "./trace-relay.ts";

/** The program that takes in what gVisor's kernels tell. One for all sandboxes of a gateway. */
export interface Relay {
  /** One of the commands that `RELAY_SOURCE` knows; in vain once it has ended. */
  command(line: string): void;
  hasEnded(): boolean;
  /** Lets it finish, or kills it. */
  close(): Promise<void>;
}

interface RelayOptions {
  /** `body` is valid during the call only. */
  onFrame(endpoint: number, kind: number, body: Buffer): void;
  /** Told once, however it ended: nothing more will come. */
  onEnd(reason: string): void;
}

const PYTHON = "/usr/bin/python3";
const PATIENCE_MS = 1_000;

/** Starts it; that it cannot start is told as its end. */
export const startRelay = ({ onFrame, onEnd }: RelayOptions): Relay => {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    PYTHON,
    ["-I", "-S", "-c", RELAY_SOURCE],
    { cwd: "/", env: {}, stdio: ["pipe", "pipe", "pipe"] },
  );
  let hasEnded = false;
  let lastWords = "";
  const closed = new Promise<void>((resolve) => {
    const end = (reason: string) => {
      resolve();
      if (hasEnded) return;
      hasEnded = true;
      onEnd(reason);
    };
    child.on("error", (error) => end(`cannot start ${PYTHON}: ${error.message}`));
    child.on("close", (code, signal) => {
      end(`the relay of trace packets ended (${signal ?? code}) ${lastWords}`.trimEnd());
    });
  });
  const reader = createFrameReader(onFrame);
  child.stdout.on("data", (chunk: Buffer) => {
    if (!reader.push(chunk)) child.kill("SIGKILL");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    lastWords = `${lastWords}${chunk}`.slice(-500);
  });
  child.stdin.on("error", () => {}); // EPIPE: its end is reported by itself
  return {
    command(line) {
      if (!hasEnded) child.stdin.write(`${line}\n`);
    },
    hasEnded: () => hasEnded,
    async close() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
};
