import { spawn } from "node:child_process";
import { SandboxError } from "../../errors.ts";
import { capture } from "../../output.ts";

/** Where the OpenShell CLI lies and which gateway it speaks to. */
export interface CliOptions {
  /** Absolute path; default /usr/local/bin/openshell. */
  readonly program?: string;
  /** Name of a registered gateway; absent means the one that is active for the home folder. */
  readonly gateway?: string;
  /** HOME of the CLI, whose .config/openshell holds gateways and their credentials. */
  readonly home: string;
}

/** How a call of the CLI ended. */
export interface CallResult {
  /** Set when it was us who ended it. */
  readonly reason?: "wall" | "output" | "aborted";
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly isTruncated: boolean;
}

export interface CallBounds {
  readonly timeoutMs: number;
  /** When set, the time-out counts from the first output, which has to come within this. */
  readonly bootMs?: number;
  /** Per stream. */
  readonly outputBytes: number;
  readonly signal?: AbortSignal;
}

/** Calls the CLI of one gateway. @see https://github.com/NVIDIA/OpenShell/tree/main/docs */
export interface Cli {
  /** Does not throw for how the call ends. */
  call(args: readonly string[], bounds: CallBounds): Promise<CallResult>;
  /** Resolves with what it printed. Throws SandboxError when it fails or takes too long. */
  expect(args: readonly string[], timeoutMs: number): Promise<string>;
}

const PROGRAM = "/usr/local/bin/openshell";
const TALK_BYTES = 1 << 20;
const SAID_BYTES = 300;

export const createCli = ({ program = PROGRAM, gateway, home }: CliOptions): Cli => {
  const call: Cli["call"] = (args, { timeoutMs, bootMs, outputBytes, signal }) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [...(gateway ? ["--gateway", gateway] : []), ...args], {
        env: { PATH: "/usr/bin:/bin", HOME: home, NO_COLOR: "1" },
        cwd: "/",
        // The CLI reads an open input to its end before it does anything, and would hang.
        stdio: ["ignore", "pipe", "pipe"],
      });
      let reason: CallResult["reason"];
      const end = (why: NonNullable<CallResult["reason"]>) => {
        reason ??= why;
        child.kill("SIGKILL");
      };
      const stdout = capture(child.stdout, outputBytes, () => end("output"));
      const stderr = capture(child.stderr, outputBytes, () => end("output"));
      let timer = setTimeout(() => end("wall"), bootMs ?? timeoutMs);
      if (bootMs !== undefined) {
        child.stdout.once("data", () => {
          clearTimeout(timer);
          timer = setTimeout(() => end("wall"), timeoutMs);
        });
      }
      const onAbort = () => end("aborted");
      signal?.addEventListener("abort", onAbort);
      if (signal?.aborted) onAbort();
      const stopWatching = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      child.once("error", (cause) => {
        stopWatching();
        reject(new SandboxError(`cannot run ${program}: ${cause.message}`, { cause }));
      });
      child.once("exit", stopWatching); // what comes now is not the reason
      child.once("close", (code) =>
        resolve({
          ...(reason === undefined ? {} : { reason }),
          code: code ?? 137,
          stdout: stdout.bytes(),
          stderr: stderr.bytes(),
          isTruncated: stdout.isCut() || stderr.isCut(),
        }),
      );
    });
  return {
    call,
    async expect(args, timeoutMs) {
      const { reason, code, stdout, stderr } = await call(args, {
        timeoutMs,
        outputBytes: TALK_BYTES,
      });
      if (reason === undefined && code === 0) return stdout.toString();
      const what = `openshell ${args.slice(0, 2).join(" ")}`;
      if (reason !== undefined) throw new SandboxError(`${what} took more than ${timeoutMs} ms`);
      throw new SandboxError(`${what} failed: exit ${code}: ${plain(stderr)}`);
    },
  };
};

/** What the CLI says of an error, without colours and on one line. */
export const plain = (bytes: Buffer): string =>
  bytes
    .toString("latin1")
    .replaceAll(/[^\x20-\x7e]+(\[[0-9;]*m)?/g, " ")
    .trim()
    .slice(0, SAID_BYTES);
