import { createServer, type Server } from "node:net";
import type { Limits, RunRequest, RunResult, SandboxDriver } from "../driver.ts";
import { messageOf } from "../errors.ts";

/** The part of a driver that a self-test needs. */
type Engine = Pick<SandboxDriver, "prepare" | "dispatch" | "destroy">;

// Exit 0 only when the walls are where they should be. $1 is a port of the host that listens.
const WALLS = `
{ : >/etc/clawgate-self-test; } 2>/dev/null && exit 10
{ : >/usr/clawgate-self-test; } 2>/dev/null && exit 11
{ : >>/proc/sys/kernel/core_pattern; } 2>/dev/null && exit 12
[ -e /etc/shadow ] && exit 13
while read -r name _; do
  case $name in Inter-* | face* | lo:*) ;; *) exit 14 ;; esac
done </proc/net/dev
{ : </dev/tcp/127.0.0.1/$1; } 2>/dev/null && exit 15
processes=(/proc/[0-9]*)
[ \${#processes[@]} -gt 4 ] && exit 16
exit 0
`;

const FAILURES: ReadonlyMap<number, string> = new Map([
  [10, "a write to /etc succeeded"],
  [11, "a write to /usr succeeded"],
  [12, "a kernel setting of the host is writable"],
  [13, "the host's /etc is visible"],
  [14, "a network interface beside lo is present"],
  [15, "a server of the host can be reached"],
  [16, "processes of the host are visible"],
]);

// Doubles what it holds until it is stopped.
const BOMB = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";

const LIMITS: Limits = {
  wallMs: 10_000,
  cpuMs: 10_000,
  memoryBytes: 64 << 20,
  pids: 16,
  diskBytes: 1 << 20,
  outputBytes: 1 << 16,
  files: 1024,
  egressBytesPerSecond: 1,
};

/**
 * Tries the walls and the memory limit in real sandboxes. Resolves with what is wrong, if anything;
 * never rejects. Where the engine has no memory limit here, that part is left out.
 */
export const selfTest = async (
  driver: Engine,
  { hasMemoryLimit = true } = {},
): Promise<string | undefined> => {
  const server = createServer((socket) => socket.destroy());
  try {
    const port = await listen(server);
    // One after the other: two kernels that boot at once hold up the messages that come right after
    // a start, for longer than waiting for the second one takes.
    const walls = await runOnce(driver, WALLS, [String(port)]);
    if (walls.verdict !== "ok") {
      return `self-test: ${FAILURES.get(walls.exitCode ?? -1) ?? seen(walls)}`;
    }
    if (!hasMemoryLimit) return undefined;
    const bomb = await runOnce(driver, BOMB, []);
    if (bomb.reason === "memory") return undefined;
    return `self-test: a job that uses up its memory is not ended for it: ${seen(bomb)}`;
  } catch (error) {
    return `self-test: ${messageOf(error)}`;
  } finally {
    server.close();
  }
};

const listen = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });

const runOnce = async (
  driver: Engine,
  text: string,
  argv: readonly string[],
): Promise<RunResult> => {
  const request: RunRequest = {
    runId: "self-test",
    tenantId: "self-test",
    language: "bash",
    origin: {},
    program: { kind: "source", text },
    argv,
    stdin: Buffer.alloc(0),
    env: {},
    limits: LIMITS,
    readonly: new Map(),
    egress: "none",
    credentials: [],
  };
  const slot = await driver.prepare({ ...request, unhurried: "boot and job" });
  try {
    const run = { request, observe: () => "go on" as const, lost: () => {} };
    return await driver.dispatch(slot, run, new AbortController().signal);
  } finally {
    await driver.destroy(slot);
  }
};

const seen = ({ verdict, reason, detail, exitCode }: RunResult): string =>
  detail ?? `${verdict} ${reason ?? `exit ${exitCode}`}`;
