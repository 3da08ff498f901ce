import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { lacks } from "./need-server.ts";
import { serverProcess } from "./server-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = temporaryFolder();

it("says what a server printed that ended instead of starting", async () => {
  const own = join(folder.path, "server");
  mkdirSync(own);
  const server = serverProcess({
    command: [process.execPath, "-e", "console.error('port is taken'); process.exit(3)"],
    ready: "ready",
    folder: own,
    endSignal: "SIGKILL",
  });
  await expect(server.start()).rejects.toThrow(/ended with 3:\nport is taken/);
  await server.close();
  expect(existsSync(own)).toBe(false);
});

describe.skipIf(lacks("postgresql", "redis-server"))("no server outlives", () => {
  let run: ChildProcess | undefined;
  afterEach(() => {
    run?.kill("SIGKILL");
  });

  // A test run of its own that starts both servers and then does `last`; resolves with their ports.
  const startRun = async (last: string): Promise<readonly number[]> => {
    const ports = join(folder.path, "ports");
    const data = join(folder.path, "data");
    mkdirSync(data);
    chmodSync(folder.path, 0o711); // PostgreSQL runs as another user when root tests
    const fakes = JSON.stringify(join(root, "test", "fakes"));
    writeFileSync(
      join(folder.path, "run.test.ts"),
      `import { renameSync, writeFileSync } from "node:fs";
       it("starts servers", async () => {
         const { startPostgres } = await import(${fakes} + "/postgres-server.ts");
         const { startRedis } = await import(${fakes} + "/redis-server.ts");
         const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
         const urls = [await postgres.createDatabase(), redis.url];
         writeFileSync("${ports}.new", JSON.stringify(urls.map((url) => Number(new URL(url).port))));
         renameSync("${ports}.new", "${ports}");
         ${last};
       }, 60_000);`,
    );
    const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
    run = spawn(process.execPath, [vitest, "run", "--globals", "--root", folder.path], {
      env: { ...process.env, TMPDIR: data },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [run.stdout, run.stderr]) {
      stream?.on("data", (chunk) => {
        output += chunk;
      });
    }
    await vi.waitFor(() => expect(existsSync(ports), output).toBe(true), { timeout: 20_000 });
    return JSON.parse(readFileSync(ports, "utf8"));
  };
  const areOpen = (ports: readonly number[]) => Promise.all(ports.map(isOpen));
  const leftovers = () =>
    readdirSync(join(folder.path, "data")).filter((name) => name.startsWith("clawgate-"));

  const ENDLESS = "await new Promise(() => setInterval(() => {}, 1000))";

  it.each(["SIGTERM", "SIGKILL"] as const)("a test run that %s ends", async (signal) => {
    const ports = await startRun(ENDLESS);
    expect(await areOpen(ports)).toEqual([true, true]);
    run?.kill(signal);
    await vi.waitFor(async () => {
      expect(await areOpen(ports)).toEqual([false, false]);
      expect(leftovers()).toEqual([]);
    }, GONE);
  });

  it("a test that throws before it closes them", async () => {
    const ports = await startRun("throw new Error('early')");
    await vi.waitFor(async () => {
      expect(await areOpen(ports)).toEqual([false, false]);
      expect(leftovers()).toEqual([]);
    }, GONE);
  });

  it.runIf(process.platform === "linux")("the process that started it, killed", async () => {
    const ports = await startRun("process.kill(process.pid, 'SIGKILL')");
    await vi.waitFor(async () => expect(await areOpen(ports)).toEqual([false, false]), GONE);
  });
});

const GONE = { timeout: 10_000 };

const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
