import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { openedAudit } from "./opened-audit.ts";

const THIS_CHECKOUT = join(import.meta.dirname, "..", "..");
// Several at once may start on a busy machine.
const READY_MS = 60_000;
// Tests start it more than once, and each start may take so long. Benches use it outside of tests.
if (process.env.VITEST) vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** The built gateway as a process of its own. */
export interface GatewayProcess {
  /** `http://127.0.0.1:port`; known once started. */
  readonly url: string;
  /** Holds settings.json, and with embedded storage the data. */
  readonly folder: string;
  /** Everything that it printed, both streams. */
  readonly output: string;
  /** Rejects when it ends instead; a second one beside a running one is not kept. */
  start(how?: StartOptions): Promise<void>;
  /** Sends the signal and waits for the end; the exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
  /** Sends a signal that it lives through. */
  tell(signal: NodeJS.Signals): void;
  /** Resolves when it has ended, whoever ended it, like `stop`. */
  ended(): Promise<number | string>;
  /** The audit records of an embedded store, oldest first, read from the store itself and opened. */
  audit(): readonly Readonly<Record<string, unknown>>[];
  /** One more process with the same settings, not started yet; remove it before this one. */
  beside(options: ProcessOptions): GatewayProcess;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** What is the same at every start. */
export interface ProcessOptions {
  /** `--role`; both roles when absent. */
  readonly role?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The folder of the checkout whose build runs; this one when absent. */
  readonly checkout?: string;
}

/** What is special about one start. */
export interface StartOptions {
  /** Node's own, before the program. */
  readonly nodeArguments?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null;

/** Prepares a gateway with these settings; where they say nothing else it has a data folder and a free port. */
export const gatewayProcess = (
  settings: Readonly<Record<string, unknown>>,
  options: ProcessOptions = {},
): GatewayProcess => {
  const folder = mkdtempSync(join(tmpdir(), "clawgate-e2e-"));
  writeFileSync(
    join(folder, "settings.json"),
    JSON.stringify({
      server: { host: "127.0.0.1", port: 0 },
      storage: { url: "file:./data" },
      ...settings,
    }),
    { mode: 0o600 },
  );
  const first = processIn(folder, options);
  return Object.assign(first, {
    remove: async () => {
      await first.stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  });
};

const processIn = (folder: string, options: ProcessOptions): GatewayProcess => {
  let child: ChildProcess | undefined;
  let output = "";
  let url = "";

  const ended = async (): Promise<number | string> => {
    if (!child) return "not running";
    if (!hasEnded(child)) await once(child, "exit");
    return child.exitCode ?? child.signalCode ?? "not running";
  };

  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> => {
    if (!child || hasEnded(child)) return "not running";
    child.kill(signal);
    return ended();
  };

  const launch = ({ nodeArguments = [], environment }: StartOptions): ChildProcess => {
    const role = options.role === undefined ? [] : ["--role", options.role];
    const main = join(options.checkout ?? THIS_CHECKOUT, "dist", "cli", "main.js");
    const words = [main, "start", "--settings", "settings.json", ...role];
    return spawn(process.execPath, [...nodeArguments, ...words], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...options.environment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
  };

  return {
    get url() {
      return url;
    },
    get output() {
      return output;
    },
    folder,
    stop,
    tell: (signal) => void child?.kill(signal),
    ended,
    start: (how = {}) =>
      new Promise((resolve, reject) => {
        const starting = launch(how);
        if (child === undefined || hasEnded(child)) child = starting;
        const fail = (why: string) => {
          clearTimeout(timer);
          reject(new Error(`gateway ${why}:\n${output}`));
        };
        const timer = setTimeout(() => fail("did not listen in time"), READY_MS);
        let stdout = "";
        starting.stderr?.on("data", (chunk) => {
          output += chunk;
        });
        starting.stdout?.on("data", (chunk) => {
          output += chunk;
          stdout += chunk;
          const address = /listens on (http\S+)/.exec(stdout)?.[1];
          if (!address) return;
          clearTimeout(timer);
          url = address;
          resolve();
        });
        starting.once("exit", (code, signal) => fail(`ended with ${code ?? signal}`));
      }),
    audit: () => openedAudit(join(folder, "data")),
    beside: (others) => processIn(folder, others),
    remove: async () => {
      await stop("SIGKILL");
    },
  };
};
