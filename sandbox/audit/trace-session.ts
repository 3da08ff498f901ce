import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Observation } from "../driver.ts";
import { SandboxError } from "../errors.ts";
import { createEndWatch } from "./end-watch.ts";
import { createFrameReader } from "./frame-reader.ts";
import { createTraceFilter } from "./trace-filter.ts";
import { decodePacket } from "./trace-packet.ts";
import { type TraceWatch, traceConfig } from "./trace-points.ts";
import { FRAME, RELAY_SOURCE } from "./trace-relay.ts";

/** Receives what gVisor's kernels tell of their jobs. One for a gateway, one session for a slot. */
export interface TraceHub {
  /** Opens the endpoint of one sandbox. Throws SandboxError when there can be none. */
  session(slotId: string, options: TraceOptions): Promise<TraceSession>;
  /** Ends everything; what still runs loses its trace. */
  close(): Promise<void>;
}

export interface TraceOptions {
  readonly watch: TraceWatch;
  /** Absolute paths inside; reads below them are observed, writes are observed everywhere. */
  readonly readPaths: readonly string[];
  /** Paths inside of sockets that we put there. */
  readonly ownSockets: readonly string[];
}

export interface TraceSession {
  /** For `runsc --pod-init-config`. */
  readonly configFile: string;
  /** Aborts when nothing of this sandbox will be seen any more although it may live. */
  readonly broken: AbortSignal;
  /**
   * Resolves with the job's exit code when it is seen to end by itself, which is a while before the
   * engine's own end. May never resolve: then the engine's end tells.
   */
  readonly jobEnd: Promise<number>;
  /**
   * From here on what comes is the job's. What came before was the engine's own start and is not
   * told to anyone. Throws SandboxError when the trace is broken.
   */
  bind(listener: TraceListener): void;
  /** To be awaited when the sandbox's processes are dead: everything it did has been observed. */
  settle(): Promise<void>;
  /** Idempotent: removes the endpoint. */
  close(): void;
}

export interface TraceListener {
  observe(observation: Observation): void;
  /** Infinity: the trace broke and nothing more will be seen. */
  lost(count: number): void;
  /** The job was refused a process or a thread, for having its full number of them. */
  refusedFork(): void;
}

const PYTHON = "/usr/bin/python3";
const START_MS = 10_000;
/** What the relay may still have in its buffers when a sandbox is dead. */
const SETTLE_MS = 2_000;

/** `folder` is made, for us only; it holds the endpoints. The relay starts with the first session. */
export const openTraceHub = (folder: string): TraceHub => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const endpoints = new Map<number, Endpoint>();
  let relay: Relay | undefined;
  let lastNumber = 0;
  let isClosed = false;

  const living = (): Relay => {
    if (relay !== undefined && !relay.hasEnded()) return relay;
    const own: Relay = startRelay({
      onFrame: (number, kind, body) => endpoints.get(number)?.take(kind, body),
      onEnd: (reason) => {
        for (const endpoint of endpoints.values())
          if (endpoint.relay === own) endpoint.fail(reason);
      },
    });
    relay = own;
    return own;
  };

  return {
    async session(slotId, options) {
      if (isClosed) throw new SandboxError("the trace hub is closed");
      const number = ++lastNumber;
      const socketPath = join(folder, `${number}.sock`);
      const configFile = join(folder, `${slotId}.json`);
      const config = traceConfig(options.watch, socketPath, process.arch);
      writeFileSync(configFile, JSON.stringify(config), { mode: 0o600 });
      const endpoint = createEndpoint(number, living(), options);
      endpoints.set(number, endpoint);
      const close = () => {
        if (!endpoints.delete(number)) return;
        endpoint.relay.command(`forget ${number}`);
        for (const file of [socketPath, configFile]) rmSync(file, { force: true });
      };
      try {
        endpoint.relay.command(`listen ${number} ${socketPath}`);
        await within(START_MS, endpoint.listening, "it did not answer");
      } catch (cause) {
        close();
        throw new SandboxError(`no trace of the sandbox's doings: ${messageOf(cause)}`, { cause });
      }
      return {
        configFile,
        broken: endpoint.broken,
        jobEnd: endpoint.jobEnd,
        bind: endpoint.bind,
        settle: endpoint.settle,
        close,
      };
    },
    async close() {
      isClosed = true;
      await relay?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

interface Endpoint {
  readonly relay: Relay;
  readonly listening: Promise<void>;
  readonly broken: AbortSignal;
  readonly jobEnd: Promise<number>;
  take(kind: number, body: Buffer): void;
  fail(reason: string): void;
  bind(listener: TraceListener): void;
  settle(): Promise<void>;
}

const createEndpoint = (number: number, relay: Relay, options: TraceOptions): Endpoint => {
  const filter = createTraceFilter({ ...options, architecture: process.arch });
  const exitCodeAt = createEndWatch(process.arch);
  const jobEnd = deferred<number>();
  const listening = deferred<void>();
  listening.promise.catch(() => {}); // also when nobody waits any more
  const ended = deferred<void>();
  const breaking = new AbortController();
  let listener: TraceListener | undefined;
  let dropped = 0;
  let hasEnded = false;

  const tell = (observations: readonly Observation[]) => {
    for (const observation of observations) listener?.observe(observation);
  };
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    tell(filter.end());
    ended.resolve();
  };
  const receive = (body: Buffer) => {
    const packet = decodePacket(body);
    if (packet === undefined) {
      listener?.lost(1);
      return;
    }
    if (packet.dropped > dropped) listener?.lost(packet.dropped - dropped);
    dropped = packet.dropped;
    const exitCode = exitCodeAt(packet);
    if (packet.kind === "return") {
      if (packet.errno === constants.errno.EAGAIN) listener?.refusedFork();
    } else tell(filter.take(packet));
    if (exitCode !== undefined) jobEnd.resolve(exitCode);
  };

  return {
    relay,
    listening: listening.promise,
    broken: breaking.signal,
    jobEnd: jobEnd.promise,
    take(kind, body) {
      if (kind === FRAME.packet) receive(body);
      else if (kind === FRAME.ended) end();
      else if (kind === FRAME.listening) listening.resolve();
      else listening.reject(new SandboxError(body.toString("utf8")));
    },
    fail(reason) {
      listening.reject(new SandboxError(reason));
      if (hasEnded) return;
      breaking.abort(reason);
      listener?.lost(Infinity);
      end();
    },
    bind(newListener) {
      if (breaking.signal.aborted) {
        throw new SandboxError(`lost the trace of the sandbox: ${breaking.signal.reason}`);
      }
      filter.end();
      listener = newListener;
    },
    async settle() {
      relay.command(`settle ${number}`);
      try {
        await within(SETTLE_MS, ended.promise, "its connection stays open");
      } catch {
        listener?.lost(Infinity);
      }
    },
  };
};

interface Relay {
  command(line: string): void;
  hasEnded(): boolean;
  close(): Promise<void>;
}

interface RelayOptions {
  onFrame(endpoint: number, kind: number, body: Buffer): void;
  onEnd(reason: string): void;
}

const startRelay = ({ onFrame, onEnd }: RelayOptions): Relay => {
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
      const timer = setTimeout(() => child.kill("SIGKILL"), 1_000);
      await closed;
      clearTimeout(timer);
    },
  };
};

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: Error): void;
}

const deferred = <T>(): Deferred<T> => {
  let settle: Pick<Deferred<T>, "resolve" | "reject"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return {
    promise,
    resolve: (value) => settle?.resolve(value),
    reject: (reason) => settle?.reject(reason),
  };
};

/** Rejects with the reason when the promise takes longer. */
const within = async (ms: number, promise: Promise<void>, reason: string): Promise<void> => {
  const late = deferred<never>();
  const timer = setTimeout(() => late.reject(new SandboxError(reason)), ms);
  try {
    await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
};

const messageOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);
