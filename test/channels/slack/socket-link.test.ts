import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ApiOutcome } from "../../../channels/slack/api-outcome.ts";
import type { Taken } from "../../../channels/slack/intake.ts";
import { SOCKET_TIMINGS } from "../../../channels/slack/socket-connection.ts";
import { createSocketLink, type SocketLink } from "../../../channels/slack/socket-link.ts";
import { socketUrl } from "../../../channels/slack/socket-url.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { recordedLog } from "../../fakes/log.ts";
import { type SlackSocketServer, startSlackSocketServer } from "../../fakes/slack-socket-server.ts";

const QUICK = { firstMs: 5, longestMs: 50, greetedMs: 50, faultMs: 60_000 };

interface Fixture {
  readonly server: SlackSocketServer;
  readonly link: SocketLink;
  readonly log: ReturnType<typeof recordedLog>;
  readonly taken: { readonly told: string; readonly body: object }[];
  readonly counted: readonly string[];
  /** How often an address was asked for. */
  asked(): number;
}

let undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const step of undo.reverse()) await step();
  undo = [];
});

interface Options {
  readonly take?: () => Promise<Taken>;
  /** What `apps.connections.open` answers instead. */
  readonly answer?: (asked: number) => ApiOutcome | undefined;
  readonly timings?: Partial<typeof SOCKET_TIMINGS>;
  readonly pauses?: typeof QUICK;
}

const open = async (options: Options = {}): Promise<Fixture> => {
  const { take = async () => ({ isTaken: true }) as const, answer, timings } = options;
  const server = await startSlackSocketServer();
  const log = recordedLog();
  const metrics = recordedMetrics();
  const taken: { told: string; body: object }[] = [];
  let asked = 0;
  const link = createSocketLink({
    api: {
      call: async (token, method) => {
        expect([token, method]).toEqual(["xapp-1", "apps.connections.open"]);
        asked += 1;
        const other = answer?.(asked);
        return other ?? { kind: "ok", body: { ok: true, url: server.ticket() } };
      },
    },
    ...{ appToken: "xapp-1", baseUrl: "http://127.0.0.1:9/api/", log, metrics },
    intake: {
      take: (told, body) => {
        taken.push({ told, body });
        return take();
      },
    },
    pauses: options.pauses ?? QUICK,
    timings: { ...SOCKET_TIMINGS, ...timings },
  });
  link.start();
  undo.push(server.close, link.stop);
  return { server, link, log, taken, counted: metrics.counted, asked: () => asked };
};

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 5 });
const both = ({ server, link }: Fixture) =>
  eventually(() => {
    expect(server.live()).toHaveLength(2);
    expect(link.fault()).toBeUndefined();
  });

describe("the connections of Socket Mode", () => {
  it("are two, and what comes over either is acknowledged with what there is to answer", async () => {
    const fixture = await open({
      take: async () => ({ isTaken: true, answer: { text: "usage" } }),
    });
    await both(fixture);
    const [first, second] = fixture.server.live();
    const ids = [
      first?.deliver("events_api", { n: 1 }),
      second?.deliver("slash_commands", { n: 2 }),
    ];
    await eventually(() => expect(fixture.server.acknowledged).toHaveLength(2));
    expect(new Set(fixture.server.acknowledged)).toEqual(
      new Set(ids.map((id) => ({ id, payload: { text: "usage" } }))),
    );
    expect(new Set(fixture.taken)).toEqual(
      new Set([
        { told: "events_api", body: { n: 1 } },
        { told: "slash_commands", body: { n: 2 } },
      ]),
    );
    const [up, acknowledged] = ["connection up", "acknowledged true"];
    const four = [acknowledged, acknowledged, up, up];
    await eventually(() => expect([...fixture.counted].sort()).toEqual(four));
    await fixture.link.stop();
    expect(fixture.counted.slice(4)).toEqual(["connection down", "connection down"]);
  });

  it("acknowledge only what is stored, and nothing that could not be", async () => {
    const results: Taken[] = [{ isTaken: false }, { isTaken: true }];
    let store = (): void => {};
    const stored = new Promise<void>((resolve) => {
      store = resolve;
    });
    const fixture = await open({
      take: async () => {
        const result = results.shift() ?? { isTaken: true };
        if (result.isTaken) await stored;
        return result;
      },
    });
    await both(fixture);
    const [session] = fixture.server.live();
    session?.deliver("events_api", { n: 1 });
    const second = session?.deliver("events_api", { n: 2 });
    await eventually(() => expect(fixture.taken).toHaveLength(2));
    expect(fixture.server.acknowledged).toEqual([]);
    store();
    await eventually(() => expect(fixture.server.acknowledged).toEqual([{ id: second }]));
  });

  it("survive frames that nobody knows", async () => {
    const fixture = await open();
    await both(fixture);
    const [session] = fixture.server.live();
    for (const noise of [
      "",
      "nonsense",
      "[]",
      "{}",
      '{"type":"x"}',
      '{"envelope_id":5,"type":"x"}',
    ]) {
      session?.say(noise);
    }
    const unknown = session?.deliver("holodeck", { n: 1 });
    const bare = "bare";
    session?.say(JSON.stringify({ envelope_id: bare, type: "events_api" }));
    const known = session?.deliver("events_api", { n: 2 });
    await eventually(() => expect(fixture.server.acknowledged).toHaveLength(3));
    expect(fixture.server.acknowledged.map(({ id }) => id).sort()).toEqual(
      [unknown, bare, known].sort(),
    );
    expect(fixture.taken).toEqual([{ told: "events_api", body: { n: 2 } }]);
    expect(fixture.server.sessions).toHaveLength(2);
  });

  it.each(["warning", "refresh_requested"])(
    "are replaced before they end when Slack says %s, and still take what comes",
    async (reason) => {
      const fixture = await open();
      await both(fixture);
      const [old] = fixture.server.live();
      old?.warn(reason);
      await eventually(() => expect(fixture.server.live()).toHaveLength(3));
      const late = old?.deliver("events_api", { n: 1 });
      await eventually(() => expect(fixture.server.acknowledged).toEqual([{ id: late }]));
      expect(fixture.log.lines.filter(({ level }) => level !== "info")).toEqual([]);
      old?.drop();
      await eventually(() => expect(fixture.server.live()).toHaveLength(2));
      expect(fixture.server.sessions).toHaveLength(3);
      expect(fixture.link.fault()).toBeUndefined();
    },
  );

  it("come back after they broke", async () => {
    const fixture = await open();
    await both(fixture);
    for (const session of fixture.server.live()) session.drop();
    await eventually(() => expect(fixture.server.sessions).toHaveLength(4));
    await both(fixture);
  });

  it("come back soon however often they break, as long as Slack greets them", async () => {
    const fixture = await open({ pauses: { ...QUICK, firstMs: 20, longestMs: 60_000 } });
    for (let drops = 0; drops < 12; drops++) {
      await both(fixture);
      const before = fixture.server.sessions.length;
      for (const session of fixture.server.live()) session.drop();
      await eventually(() => expect(fixture.server.sessions).toHaveLength(before + 2));
    }
    await both(fixture);
  });

  it("are noticed when they are deaf, and replaced with an alarm", async () => {
    // Moves with each look of the test: where the machine stands still, nobody is silent.
    vi.useFakeTimers({ toFake: ["performance"] });
    const fixture = await open({ timings: { pingMs: 50, silenceMs: 1_500 } });
    await both(fixture);
    fixture.server.live()[0]?.goDeaf();
    await eventually(() => expect(fixture.server.sessions).toHaveLength(3));
    expect(fixture.log.lines.flatMap(({ fields }) => fields.alert ?? [])).toEqual([
      "slack_socket_deaf",
    ]);
    await both(fixture);
  });

  it("are noticed when Slack's own pings stop, although ours are answered", async () => {
    const fixture = await open({ timings: { pingMs: 20, serverPingMs: 100 } });
    await both(fixture);
    fixture.server.live()[0]?.ping();
    await eventually(() =>
      expect(fixture.log.lines.flatMap(({ fields }) => fields.alert ?? [])).toEqual([
        "slack_socket_deaf",
      ]),
    );
    await both(fixture);
    // On the other one none ever came, so none is missed.
    expect(fixture.server.live().map(({ number }) => number)).toContain(2);
  });

  it("are replaced within 30 s of falling silent", () => {
    const { pingMs, silenceMs, serverPingMs } = SOCKET_TIMINGS;
    expect(Math.max(silenceMs, serverPingMs) + pingMs).toBeLessThan(30_000);
  });

  it("that never greet are given up", async () => {
    const fixture = await open({ timings: { helloMs: 500 } });
    await both(fixture);
    // Who takes an event has been greeted.
    for (const session of fixture.server.live()) session.deliver("events_api", {});
    await eventually(() => expect(fixture.server.acknowledged).toHaveLength(2));
    fixture.server.helloAfter = new Promise(() => {});
    const [first] = fixture.server.live();
    first?.drop();
    await eventually(() => expect(fixture.server.sessions.length).toBeGreaterThan(3));
    expect(fixture.log.lines.map(({ fields }) => fields.reason)).toContain("no hello in time");
    expect(fixture.link.fault()).toBeUndefined();
  });

  it.each([
    ["invalid_auth", /xapp-/],
    ["link_disabled", /switch Socket Mode on/],
  ])("say what to do about %s, and raise no storm", async (error, remedy) => {
    const fixture = await open({
      answer: () => ({ kind: "error", error, body: { ok: false, error } }),
    });
    await eventually(() => expect(fixture.link.fault()).toMatch(remedy));
    await pause(100);
    expect(fixture.asked()).toBe(2);
  });

  it("say so when Slack ends them because Socket Mode was switched off", async () => {
    const fixture = await open();
    await both(fixture);
    for (const session of fixture.server.live()) {
      session.warn("link_disabled");
      session.drop();
    }
    await eventually(() => expect(fixture.link.fault()).toMatch(/switch Socket Mode on/));
    expect(fixture.asked()).toBe(2);
  });

  it("wait longer and longer while Slack cannot be reached", async () => {
    const fixture = await open({
      answer: () => ({ kind: "unreachable", reason: "ECONNREFUSED" }),
      pauses: { firstMs: 20, longestMs: 60_000, greetedMs: 20, faultMs: 60_000 },
    });
    await eventually(() => expect(fixture.asked()).toBeGreaterThan(6));
    await pause(200);
    // 20, 40, 80 … ms for each of two: at this rate a fixed pause would have asked many times more.
    expect(fixture.asked()).toBeLessThan(14);
    expect(fixture.link.fault()).toMatch(/no connection to Slack .*ECONNREFUSED/);
  });

  it("wait as long as Slack asks to", async () => {
    const fixture = await open({
      answer: (asked) => (asked <= 2 ? { kind: "limited", afterMs: 300 } : undefined),
    });
    const startedAt = performance.now();
    await both(fixture);
    expect(performance.now() - startedAt).toBeGreaterThan(250);
  });

  it("are not made to where an answer leads them away from Slack", async () => {
    const fixture = await open({
      answer: () => ({ kind: "ok", body: { ok: true, url: "wss://evil.example/link" } }),
    });
    await eventually(() => expect(fixture.link.fault()).toMatch(/not Slack's/));
    expect(fixture.server.sessions).toEqual([]);
  });

  it.each([
    ["http://127.0.0.1:9/api/", "ws://localhost:8/link", "url"],
    ["http://localhost:9/api/", "ws://127.0.0.1:8/link", "url"],
    ["http://127.0.0.1:9/api/", "ws://evil.example/link", "none"],
    ["https://slack.com/api/", "wss://wss-primary.slack.com/link", "url"],
    ["https://slack.com/api/", "ws://127.0.0.1:8/link", "none"],
    ["https://slack.com/api/", "ws://wss-primary.slack.com/link", "none"],
  ])("beside %s may be made to %s: %s", async (baseUrl, url, kind) => {
    const call = async (): Promise<ApiOutcome> => ({ kind: "ok", body: { ok: true, url } });
    const found = await socketUrl({ call }, "xapp-1", baseUrl, new AbortController().signal);
    expect(found.kind).toBe(kind);
  });

  it("are closed when the channel stops, also while they are made", async () => {
    const fixture = await open();
    await fixture.link.stop();
    await eventually(() => expect(fixture.server.live()).toEqual([]));
    const asked = fixture.asked();
    await pause(50);
    expect(fixture.asked()).toBe(asked);
  });
});
