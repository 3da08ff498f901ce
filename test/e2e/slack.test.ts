import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { registerDoctor } from "../../cli/doctor.ts";
import { registerSimulate } from "../../cli/simulate.ts";
import type { WebhookRequest } from "../../core/contract/channel.ts";
import { runVerb } from "../cli/run-verb.ts";
import { freePort } from "../fakes/free-port.ts";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { atTheirTimes, LOAD_SECONDS, loadFigures } from "../fakes/load.ts";
import { inkOf, longText } from "../fakes/long-text.ts";
import { type SlackApi, startSlackApi } from "../fakes/slack-api.ts";
import {
  BOT_USER,
  commandForm,
  directMessage,
  eventBody,
  interactionForm,
  mention,
  newTs,
  postSlack,
  roomMessage,
  SIGNING_SECRET,
  signed,
  TEAM,
} from "../fakes/slack-events.ts";
import { type SlackSocketServer, startSlackSocketServer } from "../fakes/slack-socket-server.ts";
import { undisturbed } from "../fakes/undisturbed.ts";

const PATH = "/api/slack/events";
const PATIENT = { timeout: 30_000, interval: 20 };

const PER_SECOND = 200;
const roomAt = (index: number) => `C0LOAD${index % 40}`;

const settingsOf = (slack: object) => ({
  channels: { slack },
  multi_tenant: {
    tenants: [
      {
        id: "staff",
        llm_config: { provider: "echo" },
        bindings: ["T0TEAM", "T0GONE"].map((workspace) => ({ channel: "slack", workspace })),
      },
    ],
  },
});

const textsIn = (api: SlackApi, channelId: string, threadTs?: string) =>
  api.messages(channelId, threadTs).map(({ text }) => text);

const answered = (api: SlackApi, channelId: string, threadTs: string, times = 1) =>
  vi.waitFor(() => expect(textsIn(api, channelId, threadTs)).toHaveLength(times), PATIENT);

const carries = (api: SlackApi, words: string): readonly string[] =>
  api.calls.filter(({ args }) => JSON.stringify(args).includes(words)).map(({ method }) => method);

const unescaped = (text: string): string =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

interface Ready {
  readonly status: string;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;
}

const ready = async (gateway: GatewayProcess): Promise<Ready> =>
  (await (await fetch(`${gateway.url}/api/health/ready`)).json()) as Ready;

describe("the built gateway in Slack, by HTTP", () => {
  let api: SlackApi;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    api = await startSlackApi();
    const bot = api.install(TEAM, { userId: BOT_USER });
    gateway = gatewayProcess(
      settingsOf({
        ...{ signing_secret: SIGNING_SECRET, bot_token: bot.token, api_base_url: api.baseUrl },
      }),
    );
    await gateway.start();
  }, 60_000);
  afterAll(async () => {
    await gateway.remove();
    await api.close();
  });

  const tell = (event: Readonly<Record<string, unknown>>, more = {}) =>
    postSlack(`${gateway.url}${PATH}`, signed(JSON.stringify(eventBody(event, more))));

  it("answers a mention once, in its thread, although it is told again after kill -9", async () => {
    const ts = newTs();
    const events = [
      mention(`<@${BOT_USER}> ping`, { ts }),
      roomMessage(`<@${BOT_USER}> ping`, { ts }),
    ];
    const bodies = events.map((event) => JSON.stringify(eventBody(event)));
    for (const body of [...bodies, ...bodies]) {
      expect((await postSlack(`${gateway.url}${PATH}`, signed(body))).status).toBe(200);
    }
    await answered(api, "C0ROOM", ts);
    await gateway.stop("SIGKILL");
    await gateway.start();
    for (const body of bodies) {
      expect((await postSlack(`${gateway.url}${PATH}`, signed(body))).status).toBe(200);
    }
    // What is said next in the thread is meant for us, too, and comes after all that is before it.
    expect((await tell(roomMessage("pong", { thread_ts: ts }))).status).toBe(200);
    await answered(api, "C0ROOM", ts, 2);
    expect(textsIn(api, "C0ROOM", ts)).toEqual([
      expect.stringContaining("ping"),
      expect.stringContaining("pong"),
    ]);
  });

  it("answers what was acknowledged right before kill -9", async () => {
    const stamps = Array.from({ length: 10 }, newTs);
    const told = await Promise.all(
      stamps.map((ts) => tell(mention(`<@${BOT_USER}> crash`, { ts, channel: "C0CRASH" }))),
    );
    expect(told.map(({ status }) => status)).toEqual(stamps.map(() => 200));
    await gateway.stop("SIGKILL");
    await gateway.start();
    for (const ts of stamps) await answered(api, "C0CRASH", ts);
    expect(api.duplicates()).toEqual([]);
  });

  it(
    `answers ${PER_SECOND} events a second once each in their threads, a tenth of which come twice`,
    async () => {
      const stamps = Array.from({ length: PER_SECOND * LOAD_SECONDS }, newTs);
      const saidAt = new Map<string, number>();
      const told: Promise<void>[] = [];
      /** As Slack does, but sooner: what was not acknowledged is told again. */
      const tellUntilTaken = async (body: string): Promise<void> => {
        for (;;) {
          const heard = postSlack(`${gateway.url}${PATH}`, signed(body)).catch(() => undefined);
          if ((await heard)?.status === 200) return;
          await delay(1_000);
        }
      };
      await atTheirTimes(stamps.length, PER_SECOND, (index) => {
        const ts = stamps[index] ?? "";
        // So little of one person that no limit is met.
        const user = `U0LOAD${index % (stamps.length / 10)}`;
        const said = { ts, user, channel: roomAt(index) };
        const event = mention(`<@${BOT_USER}> event ${index}.`, said);
        const body = JSON.stringify(eventBody(event));
        saidAt.set(ts, Date.now());
        for (let times = index % 10 === 0 ? 2 : 1; times > 0; times--) {
          told.push(tellUntilTaken(body));
        }
      });
      await Promise.all(told);
      const expected = stamps.map((_, index) => [expect.stringContaining(`event ${index}.`)]);
      const seen = () => stamps.map((ts, index) => textsIn(api, roomAt(index), ts));
      const answers = () => seen().map((texts) => texts.length);
      const latencies = () =>
        api.callsOf("chat.postMessage").flatMap(({ args, atMs }) => {
          const at = saidAt.get(String(args.thread_ts));
          return at === undefined ? [] : [atMs - at];
        });
      try {
        const long = { timeout: 90_000, interval: 500 };
        await vi.waitFor(() => expect(seen()).toEqual(expected), long);
        expect(api.duplicates()).toEqual([]);
      } finally {
        console.log(`Slack, ${PER_SECOND}/s: ${loadFigures(answers(), latencies())}`);
      }
    },
    LOAD_SECONDS * 1000 + 180_000,
  );

  it("meets strangers with silence, wherever that is said", async () => {
    api.on("users.info", ({ user }) => ({
      user: {
        id: user,
        team_id: user === "U0EVE" ? "T0ELSE" : TEAM,
        is_stranger: user === "U0EVE",
      },
    }));
    const secret = "who-are-you";
    const shared = { channel: "D0EVE", user: "U0EVE", user_team: undefined };
    await tell(directMessage(secret, shared));
    await tell(directMessage(secret, { channel: "D0EVE", user: "U0ZED", user_team: "T0ELSE" }));
    // One conversation is answered in order: when this is answered, the others were decided.
    await tell(directMessage("hello", { channel: "D0EVE", user: "U0ANN", user_team: undefined }));
    await vi.waitFor(() => expect(textsIn(api, "D0EVE")).toHaveLength(1), PATIENT);
    expect(carries(api, secret)).toEqual([]);
  });

  it("takes what comes from a workspace where it is not installed, and sends nothing of it", async () => {
    const authorizations = [{ team_id: "T0GONE", user_id: BOT_USER, is_bot: true }];
    const elsewhere = { team_id: "T0GONE", context_team_id: "T0GONE", authorizations };
    const words = "not-installed-here";
    const message = directMessage(words, { channel: "D0GONE", user_team: "T0GONE" });
    expect((await tell(message, elsewhere)).status).toBe(200);
    await vi.waitFor(() => expect(gateway.audit().length).toBeGreaterThan(0), PATIENT);
    await vi.waitFor(
      () => expect(gateway.output).toMatch(/T0GONE|not installed|dead_letter/),
      PATIENT,
    );
    expect(carries(api, words)).toEqual([]);
  });

  it("acknowledges a command while the Web API hangs, and answers it once", async () => {
    let wake = (): void => {};
    const until = new Promise<void>((resolve) => {
      wake = resolve;
    });
    api.fail("chat.postMessage", { kind: "delay", until }, 1, "C0SLOW");
    const form = commandForm("slow?", { channel_id: "C0SLOW", user_id: "U0SLOW" });
    const tookMs = await undisturbed(async () => {
      const startedAt = performance.now();
      const { status } = await postSlack(`${gateway.url}${PATH}`, signed(form, "form"));
      expect(status).toBe(200);
      return performance.now() - startedAt;
    });
    expect(tookMs).toBeLessThan(3_000);
    wake();
    await vi.waitFor(() => expect(textsIn(api, "C0SLOW")).toHaveLength(1), PATIENT);
  });

  it("suggests prompts where an assistant thread is opened, and greets there", async () => {
    const assistant_thread = {
      ...{ user_id: "U0NEW", channel_id: "D0NEW", thread_ts: newTs() },
      context: { channel_id: "C0ROOM", team_id: TEAM },
    };
    const opened = { type: "assistant_thread_started", assistant_thread, event_ts: newTs() };
    expect((await tell(opened)).status).toBe(200);
    const method = "assistant.threads.setSuggestedPrompts";
    await vi.waitFor(() => expect(api.callsOf(method)).toHaveLength(1), PATIENT);
    const { args } = api.callsOf(method)[0] ?? {};
    expect(args).toMatchObject({ thread_ts: assistant_thread.thread_ts });
    expect(args?.prompts).toContainEqual(expect.objectContaining({ title: "What can you do?" }));
    await answered(api, "D0NEW", assistant_thread.thread_ts);
  });

  it("opens a form for a shortcut, and answers what is handed in once, in the direct chat", async () => {
    const person = { user: { id: "U0FORM", team_id: TEAM }, team: { id: TEAM } };
    const act = (payload: Readonly<Record<string, unknown>>) => {
      const form = interactionForm({ ...payload, ...person, trigger_id: `1.${newTs()}.x` });
      return postSlack(`${gateway.url}${PATH}`, signed(form, "form"));
    };
    expect((await act({ type: "shortcut", callback_id: "ask" })).status).toBe(200);
    await vi.waitFor(() => expect(api.callsOf("views.open")).toHaveLength(1), PATIENT);
    const { view } = api.callsOf("views.open")[0]?.args ?? {};
    const handedIn = {
      ...(view as object),
      ...{ id: "V0E2E", state: { values: { question: { text: { value: "from a form" } } } } },
    };
    for (let times = 0; times < 2; times++) {
      expect(await act({ type: "view_submission", view: handedIn })).toEqual({
        ...{ status: 200, text: "" },
      });
    }
    await tell(directMessage("after it", { channel: "D0FORM", user: "U0FORM" }));
    await vi.waitFor(() => expect(textsIn(api, "D0FORM")).toHaveLength(2), PATIENT);
    expect(textsIn(api, "D0FORM").filter((text) => text.includes("from a form"))).toHaveLength(1);
  });

  it("answers once within 25 s when Slack fails for a while, and tries twice at most what it refuses", async () => {
    const faults = [
      { kind: "status", status: 500, commit: true },
      { kind: "limited", retryAfterS: 1 },
    ] as const;
    for (const [n, fault] of faults.entries()) {
      api.fail("chat.postMessage", fault, 1, `C0FAIL${n}`);
      api.fail("conversations.replies", { kind: "status", status: 503 }, 1, `C0FAIL${n}`);
    }
    api.room("C0ARCHIVED", { error: "is_archived" });
    const ts = newTs();
    const tellIn = (channel: string) => tell(mention(`<@${BOT_USER}> hello`, { ts, channel }));
    const told = [...faults.map((_, n) => `C0FAIL${n}`), "C0ARCHIVED"].map(tellIn);
    for (const { status } of await Promise.all(told)) expect(status).toBe(200);
    const once = faults.map(() => [expect.stringContaining("hello")]);
    await vi.waitFor(
      () => expect(faults.map((_, n) => textsIn(api, `C0FAIL${n}`, ts))).toEqual(once),
      { ...PATIENT, timeout: 25_000 },
    );
    await vi.waitFor(() => expect(gateway.output).toMatch(/is_archived.*dead_letter/), PATIENT);
    const tries = api
      .callsOf("chat.postMessage")
      .filter(({ args }) => args.channel === "C0ARCHIVED");
    expect(tries.length).toBeLessThanOrEqual(2);
    // What is said next in the thread is answered when nothing before it is open any more.
    await tell(roomMessage("goodbye", { thread_ts: ts, channel: "C0FAIL0" }));
    const last = expect.stringContaining("goodbye");
    await vi.waitFor(() => expect(textsIn(api, "C0FAIL0", ts)).toContainEqual(last), PATIENT);
    expect(textsIn(api, "C0FAIL0", ts)).toEqual([expect.stringContaining("hello"), last]);
  });

  it("gives back 60 KB of prose, code and CJK whole, in parts of at most 4000 characters or a file", async () => {
    const text = longText();
    const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    const ts = newTs();
    await tell(mention(`<@${BOT_USER}> ${escaped}`, { ts, channel: "C0LONG" }));
    await vi.waitFor(() => {
      const said = api.messages("C0LONG", ts);
      const files = said.flatMap((message) =>
        message.files.map(({ id }) => api.uploads.get(`${id}`)),
      );
      const shown = said.map((message) => unescaped(message.text)).join("");
      const isWhole = [...files.map(String), shown].some((all) => inkOf(all).endsWith(inkOf(text)));
      expect(isWhole, `${said.length} messages, ${files.length} files`).toBe(true);
    }, PATIENT);
    for (const part of textsIn(api, "C0LONG", ts)) expect(part.length).toBeLessThanOrEqual(4_000);
  });

  it("refuses forged, stale, malformed and endless requests, answers on, and is ready all the time", async () => {
    const url = `${gateway.url}${PATH}`;
    const statusOf = async (request: WebhookRequest) =>
      (await postSlack(url, request).catch(() => undefined))?.status ?? "cut off";
    const body = JSON.stringify(eventBody(directMessage("pay me", { channel: "D0EVIL" })));
    expect(await statusOf(signed(body, "json", { secret: "guessed" }))).toBe(403);
    for (const offS of [-400, 400]) {
      const at = new Date(Date.now() + offS * 1000);
      expect([401, 403], `${offS} s`).toContain(await statusOf(signed(body, "json", { at })));
    }
    const malformed = ["{", "[]", "null", "7", '{"type":', '{"type":"event_callback","event":7}'];
    for (const broken of [...malformed, "payload=%7B", "payload=7", "command", "\u0000"]) {
      for (const kind of ["json", "form"] as const) {
        const status = await statusOf(signed(broken, kind));
        expect(status, broken).toBeGreaterThanOrEqual(200);
        expect(status, broken).toBeLessThan(500);
      }
    }
    expect([413, "cut off"]).toContain(await statusOf(signed(Buffer.alloc(26_000_000, 32))));
    await tell(directMessage("still there?", { channel: "D0GOOD" }));
    await vi.waitFor(() => expect(textsIn(api, "D0GOOD")).toHaveLength(1), PATIENT);
    expect(textsIn(api, "D0EVIL")).toEqual([]);
    expect((await ready(gateway)).checks["channels.slack"]).toEqual({ ok: true });
  });
});

describe("clawgate simulate slack", () => {
  it("plays Slack to the running gateway: in a chat, in a room, as a command, in a form", async () => {
    const [port, apiPort] = [await freePort(), await freePort()];
    const settings = {
      server: { host: "127.0.0.1", port },
      ...settingsOf({
        ...{ signing_secret: SIGNING_SECRET, bot_token: "xoxb-simulated" },
        api_base_url: `http://127.0.0.1:${apiPort}/api/`,
      }),
    };
    const gateway = gatewayProcess(settings);
    try {
      await gateway.start();
      const say = (...words: readonly string[]) =>
        runVerb(registerSimulate, gateway.folder, [
          ...["simulate", "slack", "--settings", "settings.json"],
          ...words,
        ]);
      const direct = await say("hello & <you>", "--times", "3");
      expect(direct).toMatchObject({ code: 0, err: "" });
      expect(unescaped(direct.out).split("hello & <you>")).toHaveLength(2);
      const inRoom = await say("in the room", "--channel", "C0ROOM", "--json");
      expect(JSON.parse(inRoom.out)).toMatchObject({
        answer: expect.stringContaining("in the room"),
      });
      const command = await say("at your command", "--channel", "C0ROOM", "--command");
      expect(command.out.split("at your command")).toHaveLength(2);
      const form = await say("in a form", "--channel", "C0ROOM", "--command", "--form");
      expect(form.out.split("in a form")).toHaveLength(2);
      expect(await say("who?", "--team", "T0ELSE", "--timeout", "1")).toMatchObject({ code: 1 });
      expect(await say(" ")).toMatchObject({ code: 2 });
      const doctor = await runVerb(
        registerDoctor,
        gateway.folder,
        ["doctor", "--json"].concat(["--settings", "settings.json"]),
      );
      const { checks } = JSON.parse(doctor.out) as { checks: { check: string; state: string }[] };
      expect(checks).toContainEqual(expect.objectContaining({ check: "slack url", state: "ok" }));
      expect(checks).toContainEqual(
        expect.objectContaining({ check: "slack token", state: "unknown" }),
      );
    } finally {
      await gateway.remove();
    }
  }, 90_000);
});

describe("the built gateway in Slack, over Socket Mode", () => {
  let api: SlackApi;
  let server: SlackSocketServer;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    api = await startSlackApi();
    server = await startSlackSocketServer();
    api.on("apps.connections.open", () => ({ url: server.ticket() }));
    const bot = api.install(TEAM, { userId: BOT_USER });
    gateway = gatewayProcess(
      settingsOf({
        ...{ mode: "socket", app_token: "xapp-1", bot_token: bot.token },
        api_base_url: api.baseUrl,
      }),
    );
    await gateway.start();
    await vi.waitFor(() => expect(server.live()).toHaveLength(2), PATIENT);
  }, 60_000);
  afterAll(async () => {
    await gateway.remove();
    await Promise.all([api.close(), server.close()]);
  });

  it("answers once what comes over both connections, and after kill -9", async () => {
    const ts = newTs();
    const body = eventBody(mention(`<@${BOT_USER}> ping`, { ts }));
    for (const session of server.live()) session.deliver("events_api", body);
    await vi.waitFor(() => expect(server.acknowledged).toHaveLength(2), PATIENT);
    await gateway.stop("SIGKILL");
    await gateway.start();
    await vi.waitFor(() => expect(server.live()).toHaveLength(2), PATIENT);
    server.live()[0]?.deliver("events_api", body);
    const pong = eventBody(roomMessage("pong", { thread_ts: ts }));
    server.live()[1]?.deliver("events_api", pong);
    await answered(api, "C0ROOM", ts, 2);
    await vi.waitFor(() => expect(server.acknowledged).toHaveLength(4), PATIENT);
  });

  it("says what is wrong and what to do while Slack lets it in no more", async () => {
    await gateway.stop();
    api.on("apps.connections.open", () => ({ ok: false, error: "invalid_auth" }));
    await gateway.start();
    await vi.waitFor(async () => {
      const { checks } = await ready(gateway);
      expect(checks["channels.slack"]?.reason).toMatch(/invalid_auth.*xapp-/);
    }, PATIENT);
  });
});
