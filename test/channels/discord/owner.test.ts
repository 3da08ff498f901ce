import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Ending, GatewayInfo } from "../../../channels/discord/gateway-connection.ts";
import { createOwner, OWNER_TIMINGS } from "../../../channels/discord/owner.ts";
import { recordedLog } from "../../fakes/log.ts";

const INFO: GatewayInfo = {
  ...{ url: "wss://gateway.example", shards: 1, remaining: 900 },
  ...{ resetAfterMs: 0, maxConcurrency: 1 },
};
const SESSION = {
  ...{ sessionId: "s", resumeURL: "wss://resume.example", sequence: 1 },
  ...{ shardId: 0, shardCount: 1 },
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Connects until `times`; when each connection began, and whether it took a session up. */
const connect = async (times: number, ending: { comesUp: boolean; session: boolean }) => {
  const tries: { readonly at: number; readonly isResume: boolean; readonly url?: string }[] = [];
  const owner = createOwner({
    ...{ shard: { id: 0, count: 1 }, held: () => 0, random: () => 0.5, log: recordedLog() },
    leases: {
      acquire: async () => ({ lost: new AbortController().signal, release: async () => {} }),
    },
    find: async () => ({ kind: "found", info: INFO }),
    prepare: async () => {},
    run: ({ session, up, signal }) => {
      const where = session ? { url: session.resumeURL } : {};
      tries.push({ at: performance.now(), isResume: session !== undefined, ...where });
      if (tries.length >= times) {
        return new Promise<Ending>((resolve) => {
          const end = { kind: "broken", reason: "closed by us", session: undefined } as const;
          signal.addEventListener("abort", () => resolve(end), { once: true });
        });
      }
      // The first one is a login, which is where sessions come from.
      if (ending.comesUp || tries.length === 1) up();
      const next = ending.session ? SESSION : undefined;
      return Promise.resolve({ kind: "broken", reason: "dropped", session: next });
    },
    timings: OWNER_TIMINGS,
  });
  owner.start();
  for (let second = 0; second < 600 && tries.length < times; second++) {
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(tries).toHaveLength(times);
  await owner.stop();
  return tries;
};

describe("a connection that is lost again and again", () => {
  it("is taken up within seconds each time while its session goes on, which costs no login", async () => {
    const tries = await connect(12, { comesUp: true, session: true });
    expect(tries.slice(1).every(({ isResume }) => isResume)).toBe(true);
    const waits = tries.slice(1).map(({ at }, index) => at - (tries[index]?.at ?? 0));
    expect(waits[0]).toBe(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(OWNER_TIMINGS.longestLookupMs);
  });

  it("is logged in less and less often where each needs a login", async () => {
    const tries = await connect(9, { comesUp: true, session: false });
    const waits = tries.slice(1).map(({ at }, index) => at - (tries[index]?.at ?? 0));
    expect(waits.map((ms) => ms / 1_000)).toEqual([0, 1, 2, 4, 8, 16, 32, 60]);
  });

  it("begins a new session when the old one cannot be taken up any more", async () => {
    const tries = await connect(7, { comesUp: false, session: true });
    expect(tries.map(({ isResume }) => isResume)).toEqual([
      false,
      ...Array<boolean>(5).fill(true),
      false,
    ]);
  });

  it("takes a session up where sessions begin once its own address does not answer", async () => {
    const tries = await connect(7, { comesUp: false, session: true });
    const urls = tries.flatMap(({ url }) => url ?? []);
    expect(urls).toEqual([SESSION.resumeURL, ...Array<string>(4).fill(INFO.url)]);
  });
});
