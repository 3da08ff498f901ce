import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";

const main = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");
const READY_MS = 10_000;

/** The built gateway as a process of its own, on its own data folder. */
export interface GatewayProcess {
  /** `http://127.0.0.1:port`; known once started. */
  readonly url: string;
  readonly folder: string;
  /** Everything that it printed, both streams. */
  readonly output: string;
  /** Rejects when it ends instead; a second one beside a running one is not kept. */
  start(): Promise<void>;
  /** Sends the signal and waits for the end; the exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
  /** The audit records, oldest first, read from the store itself. */
  audit(): readonly Readonly<Record<string, unknown>>[];
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null;

/** Prepares a gateway with these settings; storage, host and a free port are set here. */
export const gatewayProcess = (settings: Readonly<Record<string, unknown>>): GatewayProcess => {
  const folder = mkdtempSync(join(tmpdir(), "clawgate-e2e-"));
  const file = join(folder, "settings.json");
  writeFileSync(
    file,
    JSON.stringify({
      server: { host: "127.0.0.1", port: 0 },
      storage: { url: "file:./data" },
      ...settings,
    }),
    { mode: 0o600 },
  );
  let child: ChildProcess | undefined;
  let output = "";
  let url = "";

  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> => {
    if (!child || hasEnded(child)) return "not running";
    const ended = once(child, "exit");
    child.kill(signal);
    const [code, by] = await ended;
    return code ?? by;
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
    start: () =>
      new Promise((resolve, reject) => {
        const starting = spawn(process.execPath, [main, "start", "--settings", file], {
          cwd: folder,
          env: { PATH: process.env.PATH },
          stdio: ["ignore", "pipe", "pipe"],
        });
        if (child === undefined || hasEnded(child)) child = starting;
        const fail = (why: string) => reject(new Error(`gateway ${why}:\n${output}`));
        const timer = setTimeout(() => fail("did not listen in time"), READY_MS);
        let stdout = "";
        starting.stderr.on("data", (chunk) => {
          output += chunk;
        });
        starting.stdout.on("data", (chunk) => {
          output += chunk;
          stdout += chunk;
          const address = /listens on (http\S+)/.exec(stdout)?.[1];
          if (!address) return;
          clearTimeout(timer);
          url = address;
          resolve();
        });
        starting.once("exit", (code) => fail(`ended with ${code}`));
      }),
    audit: () => {
      const database = new Libsql(join(folder, "data", "clawgate.db"), { readonly: true });
      try {
        return database.prepare("SELECT * FROM audit ORDER BY id").all() as Record<
          string,
          unknown
        >[];
      } finally {
        database.close();
      }
    },
    remove: async () => {
      await stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
