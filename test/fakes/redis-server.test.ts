import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lacks } from "./need-server.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

describe.skipIf(lacks("redis-server"))("Redis for tests", () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server?.close());

  const withClient = async <T>(work: (client: Redis) => Promise<T>): Promise<T> => {
    const client = new Redis(server.url, { retryStrategy: () => null });
    client.on("error", () => {}); // the command rejects as well
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  };

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "is empty and at its old address after a stop with %s and a start",
    async (signal) => {
      await withClient((client) => client.set("k", "v"));
      await server.stop(signal);
      await expect(withClient((client) => client.ping())).rejects.toThrow();
      await server.start();
      expect(await withClient((client) => client.get("k"))).toBeNull();
    },
  );

  it("forgets everything when it is flushed, and keeps its clients", async () => {
    await withClient(async (client) => {
      await client.set("k", "v");
      await server.flushAll();
      expect(await client.get("k")).toBeNull();
    });
  });
});
