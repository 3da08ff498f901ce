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

describe.skipIf(lacks("postgresql", "redis-server"))("a test run that is killed", () => {
  let run: ChildProcess | undefined;
  afterEach(() => {
    run?.kill("SIGKILL");
  });

  it.each(["SIGTERM", "SIGKILL"] as const)("by %s leaves no server and no data", async (signal) => {
    const ports = join(folder.path, "ports");
    const data = join(folder.path, "tmp");
    mkdirSync(data);
    chmodSync(folder.path, 0o711); // PostgreSQL runs as another user when root tests
    const fakes = JSON.stringify(join(root, "test", "fakes"));
    writeFileSync(
      join(folder.path, "endless.test.ts"),
      `import { renameSync, writeFileSync } from "node:fs";
       it("never ends", async () => {
         const { startPostgres } = await import(${fakes} + "/postgres-server.ts");
         const { startRedis } = await import(${fakes} + "/redis-server.ts");
         const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
         const urls = [await postgres.createDatabase(), redis.url];
         writeFileSync("${ports}.new", JSON.stringify(urls.map((url) => Number(new URL(url).port))));
         renameSync("${ports}.new", "${ports}");
         await new Promise(() => setInterval(() => {}, 1000));
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
    const opened: number[] = JSON.parse(readFileSync(ports, "utf8"));
    expect(await Promise.all(opened.map(isOpen))).toEqual([true, true]);

    run.kill(signal);

    await vi.waitFor(
      async () => {
        expect(await Promise.all(opened.map(isOpen))).toEqual([false, false]);
        expect(readdirSync(data).filter((name) => name.startsWith("clawgate-"))).toEqual([]);
      },
      { timeout: 10_000 },
    );
  });
});

const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = createConnection(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
