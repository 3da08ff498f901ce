import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open } from "node:fs/promises";
import type { Socket } from "node:net";
import { dirname, join } from "node:path";
import { SandboxError } from "../../errors.ts";
import { CHUNK_BYTES, decodeFrames, encodeFrame, FRAME, type Frame } from "./frames.ts";

/** What a sandbox in the guest is made of, and what waits in it; guest/job_root.py reads it. */
export interface GuestSpec {
  readonly uid: number;
  readonly home: string;
  /** Lines for /etc/hosts. */
  readonly hosts: string;
  /** Paths that are filled from host folders, read-only; the job folder is the last one. */
  readonly mounts: readonly string[];
  readonly jobFolder: string;
  readonly empty: readonly string[];
  readonly writable: readonly string[];
  /** Names of programs that must not exist inside. */
  readonly blocked: readonly string[];
  /** Says one byte, waits until its input ends, becomes the job that it finds in the job folder. */
  readonly command: readonly string[];
  readonly memoryBytes: number;
  readonly pids: number;
  /** Both over all writable paths together. */
  readonly diskBytes: number;
  readonly files: number;
  readonly wayOut?: {
    readonly path: string;
    /** Sockets to make there; what connects to one is connected to the host's vsock port. */
    readonly sockets: readonly { readonly name: string; readonly port: number }[];
  };
}

/** How a job ended, in the words of the guest's first process, which no job can speak for. */
export interface GuestExit {
  /** As a shell says it; absent when the job's processes were killed as one. */
  readonly exitCode?: number;
  readonly isOutOfMemory: boolean;
  /** Whether no byte or no file more fits into the writable paths. */
  readonly isDiskFull: boolean;
  readonly peakMemoryBytes: number;
}

/** Who takes what a job leaves behind, as it comes. */
export interface GuestSinks {
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
  /** Processes that the job was refused so far. */
  refusedForks(count: number): void;
  /** Private and empty; output files are put below it under their own paths. */
  readonly outputsFolder: string;
  /** Throws when more came than may. */
  countOutput(bytes: number): void;
  /** An output file that could not be kept. */
  skip(): void;
}

/** The host's end of the connection to a guest's launcher. */
export interface Guest {
  /** Resolves when the guest has built the sandbox from the host folders and its launcher waits. */
  build(spec: GuestSpec, folders: readonly string[]): Promise<void>;
  /** Lays the job folder down once more and lets the launcher become the job. */
  start(jobFolder: string, outputs: string | undefined): Promise<void>;
  /** Resolves when the job has ended and its outputs are here. Throws SandboxError when the guest is gone. */
  follow(sinks: GuestSinks): Promise<GuestExit>;
}

export const createGuest = (socket: Socket): Guest => {
  socket.on("error", () => {}); // reading and writing report it
  const frames = decodeFrames(socket);
  const send = async (kind: number, payload?: Buffer): Promise<void> => {
    if (socket.destroyed) throw new SandboxError("the guest hung up");
    if (socket.write(encodeFrame(kind, payload))) return;
    const over = new AbortController(); // or what did not happen would be listened for ever after
    const { signal } = over;
    await Promise.race([once(socket, "drain", { signal }), once(socket, "close", { signal })]);
    over.abort();
  };
  const sendAll = async (kind: number, bytes: AsyncIterable<Buffer> | Iterable<Buffer>) => {
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
        await send(kind, chunk.subarray(at, at + CHUNK_BYTES));
      }
    }
    await send(kind); // an empty one says that this was all
  };
  const next = async (): Promise<Frame> => {
    const { value } = await frames.next();
    if (value === undefined) throw new SandboxError("the guest hung up");
    if (value.kind === FRAME.fault) {
      throw new SandboxError(`the guest failed: ${printable(value.payload)}`);
    }
    return value;
  };

  return {
    async build(spec, folders) {
      await sendAll(FRAME.spec, [Buffer.from(JSON.stringify(spec))]);
      for (const folder of folders) await sendAll(FRAME.files, archive(folder));
      const { kind } = await next();
      if (kind !== FRAME.ready) throw new SandboxError(`the guest sent frame ${kind}, not ready`);
    },

    async start(jobFolder, outputs) {
      await sendAll(FRAME.files, archive(jobFolder));
      await sendAll(FRAME.go, [Buffer.from(JSON.stringify({ outputs }))]);
    },

    async follow(sinks) {
      let exit: GuestExit | undefined;
      const outputs = createOutputFiles(sinks);
      try {
        for (;;) {
          const { kind, payload } = await next();
          if (kind === FRAME.stdout) sinks.stdout(payload);
          else if (kind === FRAME.stderr) sinks.stderr(payload);
          else if (kind === FRAME.refused) sinks.refusedForks(Number(payload.toString()) || 0);
          else if (kind === FRAME.exit) exit = parseExit(payload);
          else if (kind === FRAME.file && exit) await outputs.begin(payload);
          else if (kind === FRAME.data && exit) await outputs.append(payload);
          else if (kind === FRAME.done && exit) return exit;
          else throw new SandboxError(`the guest sent frame ${kind} out of turn`);
        }
      } finally {
        await outputs.end();
      }
    },
  };
};

const PRINTED = 300;

const printable = (bytes: Buffer): string =>
  bytes.toString("utf8", 0, PRINTED).replaceAll(/[^\x20-\x7e]/g, "?");

const parseExit = (payload: Buffer): GuestExit => {
  const value: unknown = JSON.parse(payload.toString());
  if (typeof value !== "object" || value === null)
    throw new SandboxError("the guest's exit is odd");
  const { exitCode, isOutOfMemory, isDiskFull, peakMemoryBytes } = {
    ...value,
  } as Record<string, unknown>;
  const isCode = Number.isInteger(exitCode) && Number(exitCode) >= 0 && Number(exitCode) <= 255;
  if (typeof isOutOfMemory !== "boolean" || (exitCode !== undefined && !isCode)) {
    throw new SandboxError("the guest's exit is odd");
  }
  return {
    ...(exitCode === undefined ? {} : { exitCode: Number(exitCode) }),
    isOutOfMemory,
    isDiskFull: isDiskFull === true,
    peakMemoryBytes: Number.isSafeInteger(peakMemoryBytes) ? Number(peakMemoryBytes) : 0,
  };
};

/** The folder's content as a tar archive. */
async function* archive(folder: string): AsyncGenerator<Buffer, void> {
  const tar = spawn("/usr/bin/tar", ["-c", "-C", folder, "-f", "-", "."], {
    env: {},
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(tar, "close");
  ended.catch(() => {}); // awaited below, unless the reader gives up first
  try {
    yield* tar.stdout as AsyncIterable<Buffer>;
    const [code] = await ended;
    if (code !== 0) throw new SandboxError(`tar failed on ${folder}: exit ${code}`);
  } finally {
    tar.kill("SIGKILL");
  }
}

/** Writes output files as they come. Their paths are the job's choice, so each is looked at first. */
const createOutputFiles = ({ outputsFolder, countOutput, skip }: GuestSinks) => {
  let file: Awaited<ReturnType<typeof open>> | undefined;
  const end = async () => {
    await file?.close();
    file = undefined;
  };
  return {
    end,
    async begin(path: Buffer) {
      await end();
      countOutput(path.length);
      const parts = path.toString("latin1").split("/");
      if (
        parts.some((part) => part === "" || part === "." || part === ".." || part.includes("\0"))
      ) {
        throw new SandboxError("the guest sent an output file under an impossible path");
      }
      // The folder holds only what this function made: no link can be met on the way.
      const target = Buffer.concat([Buffer.from(join(outputsFolder, "/")), path]);
      const parent = Buffer.from(dirname(target.toString("latin1")), "latin1");
      try {
        await mkdir(parent, { recursive: true, mode: 0o700 });
        file = await open(target, "wx", 0o600);
      } catch {
        skip(); // a name that is too long here, or came twice
      }
    },
    async append(bytes: Buffer) {
      countOutput(bytes.length);
      await file?.write(bytes);
    },
  };
};
