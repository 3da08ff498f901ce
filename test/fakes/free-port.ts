import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

/** How many ports each of the processes that run test files side by side has to itself. */
const SHARE = 1_000;
const PROCESSES = 8;

/** The first port that the kernel gives to outgoing connections; none below it is taken by chance. */
const firstOutgoing = Number(
  readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").split("\t")[0],
);
const share = Number(process.env.VITEST_POOL_ID ?? 0) % PROCESSES;
const lowest = firstOutgoing - SHARE * (share + 1);
const given = new Set<number>();

/**
 * A TCP port of 127.0.0.1 that nobody listens on and that stays free while its server is down: it lies
 * below the range from which the kernel gives ports to outgoing connections, and no other test is given it.
 * @see https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
 */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = lowest + randomInt(SHARE);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
};

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  } finally {
    server.close();
  }
};
