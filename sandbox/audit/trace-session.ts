import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { Observation } from "../driver.ts";
import { messageOf, SandboxError } from "../errors.ts";
import { within } from "../within.ts";
import { createEndWatch } from "./end-watch.ts";
import { type Relay, startRelay } from "./relay-process.ts";
import { createTraceFilter } from "./trace-filter.ts";
import { decodePacket } from "./trace-packet.ts";
import { type TraceWatch, traceConfig } from "./trace-points.ts";
import { FRAME } from "./trace-relay.ts";

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
        await within(endpoint.listening, START_MS, new SandboxError("it did not answer"));
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
        await within(ended.promise, SETTLE_MS, new SandboxError("its connection stays open"));
      } catch {
        listener?.lost(Infinity);
      }
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
