import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { locate } from "./need-server.ts";
import { serverProcess } from "./server-process.ts";

/** A real Redis of its own, on 127.0.0.1; it keeps everything in memory and nothing on disk. */
export interface RedisServer {
  /** `redis://127.0.0.1:port/0` */
  readonly url: string;
  /** Wipes it, as an operator's mistake would. */
  flushAll(): Promise<void>;
  /** Ends it (default SIGTERM) and waits; what it held is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again: same port, empty. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a new server; throws where Redis is not installed (see `lacks`). */
export const startRedis = async (): Promise<RedisServer> => {
  const program = locate("redis-server");
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "clawgate-redis-"));
  const server = serverProcess({
    command: [
      program,
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", folder],
      ...["--save", "", "--appendonly", "no"],
    ],
    ready: "Ready to accept connections",
    folder,
    endSignal: "SIGKILL",
  });
  const url = `redis://127.0.0.1:${port}/0`;
  try {
    await server.start();
  } catch (error) {
    await server.close();
    throw error;
  }
  return {
    url,
    flushAll: async () => {
      const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
      try {
        await client.flushall();
      } finally {
        client.disconnect();
      }
    },
    stop: (signal = "SIGTERM") => server.stop(signal),
    start: server.start,
    close: server.close,
  };
};
