import { afterEach, describe, expect, it } from "vitest";
import type { ApiOutcome } from "../../../channels/slack/api-outcome.ts";
import { createInstallations } from "../../../channels/slack/installations.ts";
import { createOauth, INSTALL_PATH, REDIRECT_PATH } from "../../../channels/slack/oauth.ts";
import { createWorkspaces, type WorkspacesParts } from "../../../channels/slack/workspaces.ts";
import { createLeases } from "../../../core/channel-state/leases.ts";
import type { WebhookRequest } from "../../../core/contract/channel.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { eventually } from "../../fakes/eventually.ts";
import { recordedLog } from "../../fakes/log.ts";

const NOON = Date.parse("2026-03-01T12:00:00Z");
const HOUR_MS = 3_600_000;

interface Call {
  readonly token: string;
  readonly method: string;
  readonly args: Readonly<Record<string, unknown>>;
}

const ok = (body: object): ApiOutcome => ({ kind: "ok", body: { ok: true, ...body } });
const no = (error: string): ApiOutcome => ({ kind: "error", error, body: { ok: false, error } });

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const open = (
  answer: (call: Call) => ApiOutcome,
  settings: Partial<Pick<WorkspacesParts, "botToken" | "tokens">> = {},
  state = memoryState(),
) => {
  const log = recordedLog();
  const metrics = recordedMetrics();
  const calls: Call[] = [];
  let at = NOON;
  const now = () => new Date(at);
  const api = {
    call: async (token: string, method: string, args: object) => {
      const call = { token, method, args: { ...args } };
      calls.push(call);
      return answer(call);
    },
  };
  const client = { id: "1.2", secret: "client-secret" };
  const leases = createLeases({ state, log });
  const installations = createInstallations({ state, leases, api, client, now, metrics });
  const workspaces = createWorkspaces({
    ...{ botToken: undefined, tokens: new Map(), installations, api, state, now, log },
    baseUrl: "https://slack.com/api/",
    ...settings,
  });
  stops.push(workspaces.stop);
  const oauth = createOauth({
    ...{ clientId: client.id, clientSecret: client.secret, apiBaseUrl: "https://slack.com/api/" },
    ...{ publicUrl: "https://gateway.example.com", api, installations, state, now, log },
  });
  const get = (path: string, query = "", cookie?: string) => {
    const webhook = oauth.get(path);
    if (!webhook) throw new Error(`no webhook at ${path}`);
    const request: WebhookRequest = {
      ...{ method: "GET", query, body: Buffer.alloc(0), hungUp: new Promise<void>(() => {}) },
      headers: cookie === undefined ? {} : { cookie },
    };
    return webhook(request);
  };
  const pass = (ms: number): void => {
    at += ms;
  };
  /** Goes to the consent page; what the browser brings back. */
  const begin = async () => {
    const { status, headers = {} } = await get(INSTALL_PATH);
    expect(status).toBe(302);
    const consent = new URL(headers.location ?? "");
    const cookie = (headers["set-cookie"] ?? "").split(";")[0] ?? "";
    return { consent, cookie, state: consent.searchParams.get("state") ?? "" };
  };
  return {
    workspaces,
    installations,
    counted: metrics.counted,
    state,
    log,
    calls,
    get,
    begin,
    pass,
  };
};

const granted = (more: object = {}) =>
  ok({
    ...{ access_token: "xoxb-new", bot_user_id: "U0NEW", is_enterprise_install: false },
    ...{ team: { id: "T0NEW", name: "New" }, enterprise: null },
    ...more,
  });

describe("installing the app", () => {
  it("goes to Slack's consent page and keeps the token that comes of it", async () => {
    const { begin, get, workspaces, calls } = open(() => granted());
    const { consent, cookie, state } = await begin();
    expect(consent.origin + consent.pathname).toBe("https://slack.com/oauth/v2/authorize");
    expect(consent.searchParams.get("redirect_uri")).toBe(
      `https://gateway.example.com${REDIRECT_PATH}`,
    );
    const { status } = await get(REDIRECT_PATH, `code=c0de&state=${state}`, cookie);
    expect(status).toBe(200);
    expect(calls).toEqual([
      {
        ...{ token: "", method: "oauth.v2.access" },
        args: {
          ...{ client_id: "1.2", client_secret: "client-secret", code: "c0de" },
          redirect_uri: `https://gateway.example.com${REDIRECT_PATH}`,
        },
      },
    ]);
    expect(await workspaces.tokenFor("T0NEW")).toBe("xoxb-new");
    expect(await workspaces.botUserOf("T0NEW")).toMatchObject({ userId: "U0NEW" });
    expect(await workspaces.tokenFor("T0ELSE")).toBeUndefined();
  });

  it("is refused to a link that another browser began, and to one that was used or is old", async () => {
    const { begin, get, calls, pass } = open(() => granted());
    const mine = await begin();
    const theirs = await begin();
    const query = `code=c0de&state=${mine.state}`;
    expect((await get(REDIRECT_PATH, query)).status).toBe(403);
    expect((await get(REDIRECT_PATH, query, theirs.cookie)).status).toBe(403);
    expect((await get(REDIRECT_PATH, "code=c0de", mine.cookie)).status).toBe(403);
    const [name] = mine.cookie.split("=");
    const made = `${NOON + HOUR_MS}.drawn.sealed`;
    expect((await get(REDIRECT_PATH, `code=c&state=${made}`, `${name}=${made}`)).status).toBe(403);
    expect(calls).toEqual([]);
    expect((await get(REDIRECT_PATH, query, mine.cookie)).status).toBe(200);
    expect((await get(REDIRECT_PATH, query, mine.cookie)).status).toBe(403);
    pass(11 * 60_000);
    const late = `code=c0de&state=${theirs.state}`;
    expect((await get(REDIRECT_PATH, late, theirs.cookie)).status).toBe(403);
    expect(calls).toHaveLength(1);
  });

  it("says so when it was not allowed, or Slack does not confirm it, and keeps no secret in the log", async () => {
    const { begin, get, log } = open(() => no("invalid_code"));
    const first = await begin();
    const denied = `error=access_denied&state=${first.state}`;
    expect((await get(REDIRECT_PATH, denied, first.cookie)).status).toBe(400);
    const second = await begin();
    const query = `code=c0de&state=${second.state}`;
    expect((await get(REDIRECT_PATH, query, second.cookie)).status).toBe(502);
    expect(log.lines.map(({ fields }) => fields.alert)).toEqual(["slack_install_failed"]);
    expect(JSON.stringify(log.lines)).not.toMatch(/client-secret|c0de/);
  });
});

describe("tokens that rotate", () => {
  const rotating = { id: "T0NEW", token: "xoxe-1", botUserId: "U0NEW", refreshToken: "r1" };

  it("are refreshed an hour before they expire, once, however many ask", async () => {
    const { installations, workspaces, calls, counted, pass } = open(() =>
      granted({ access_token: "xoxe-2", refresh_token: "r2", expires_in: 43_200 }),
    );
    await installations.save({ ...rotating, expiresAt: NOON + 2 * HOUR_MS });
    expect(await workspaces.tokenFor("T0NEW")).toBe("xoxe-1");
    pass(1.5 * HOUR_MS);
    const asked = await Promise.all([1, 2, 3].map(() => workspaces.tokenFor("T0NEW")));
    expect(asked).toEqual(["xoxe-2", "xoxe-2", "xoxe-2"]);
    expect(calls.map(({ args }) => args)).toEqual([
      {
        ...{ client_id: "1.2", client_secret: "client-secret" },
        ...{ grant_type: "refresh_token", refresh_token: "r1" },
      },
    ]);
    expect(counted).toEqual(["token true"]);
    pass(11.5 * HOUR_MS);
    await workspaces.tokenFor("T0NEW");
    expect(calls[1]?.args).toMatchObject({ refresh_token: "r2" });
  });

  it("serve to their end while they cannot be refreshed, and then cannot be told", async () => {
    const { installations, workspaces, counted, pass } = open(() => ({
      ...{ kind: "lost", reason: "HTTP 500" },
    }));
    await installations.save({ ...rotating, expiresAt: NOON + HOUR_MS / 2 });
    expect(await workspaces.tokenFor("T0NEW")).toBe("xoxe-1");
    pass(HOUR_MS);
    await expect(workspaces.tokenFor("T0NEW")).rejects.toThrow("HTTP 500");
    expect(counted).toEqual(["token false", "token false"]);
  });

  it("are not refreshed beside another process that does it", async () => {
    const { installations, state, log, calls } = open(() => granted());
    await installations.save({ ...rotating, expiresAt: NOON + HOUR_MS / 2 });
    const other = await createLeases({ state, log }).acquire("refresh/T0NEW");
    expect((await installations.of("T0NEW"))?.token).toBe("xoxe-1");
    expect(calls).toEqual([]);
    await other?.release();
  });
});

describe("whose a token is", () => {
  const tested = (team: string, more: object = {}) =>
    ok({ team_id: team, user_id: "U0BOT", bot_id: "B0BOT", ...more });

  it("decides where it is used, and is asked once, also across restarts", async () => {
    const state = memoryState();
    const before = open(() => tested("T0TEAM"), { botToken: "xoxb-1" }, state);
    expect(await before.workspaces.tokenFor("T0TEAM")).toBe("xoxb-1");
    expect(await before.workspaces.tokenFor("T0ELSE")).toBeUndefined();
    expect(before.calls).toHaveLength(1);
    expect((await state.keys("")).join()).not.toContain("xoxb-1");
    const after = open(() => no("fatal_error"), { botToken: "xoxb-1" }, state);
    expect(await after.workspaces.botUserOf("T0TEAM")).toMatchObject({ userId: "U0BOT" });
    expect(after.calls).toEqual([]);
  });

  it("is every workspace of an organisation that the app is installed for", async () => {
    const identity = tested("T0HOME", { enterprise_id: "E0ORG", is_enterprise_install: true });
    const { workspaces } = open(() => identity, { botToken: "xoxb-1" });
    expect(await workspaces.tokenFor("T0TEAM")).toBeUndefined();
    await workspaces.belongs("T0TEAM", "E0ORG");
    await workspaces.belongs("T0FOREIGN", "E0ELSE");
    expect(await workspaces.tokenFor("T0TEAM")).toBe("xoxb-1");
    expect(workspaces.knownBotUserOf("T0TEAM")).toMatchObject({ userId: "U0BOT" });
    expect(await workspaces.tokenFor("T0FOREIGN")).toBeUndefined();
  });

  it("is known as soon as the app is installed, although somebody has asked before", async () => {
    const { workspaces, installations } = open(() => no("invalid_auth"));
    expect(await workspaces.tokenFor("T0TEAM")).toBeUndefined();
    await installations.save({ id: "T0TEAM", token: "xoxb-first", botUserId: "U0BOT" });
    expect(await workspaces.tokenFor("T0TEAM")).toBe("xoxb-first");
  });

  it("comes from the organisation's installation, until the app is taken away", async () => {
    const { workspaces, installations } = open(() => no("invalid_auth"));
    await installations.save({ id: "E0ORG", token: "xoxb-org", botUserId: "U0ORG" });
    await workspaces.belongs("T0TEAM", "E0ORG");
    expect(await workspaces.tokenFor("T0TEAM")).toBe("xoxb-org");
    const gone = { teamId: "T0TEAM", enterpriseId: "E0ORG", isEnterprise: true };
    await workspaces.revoke({ ...gone, why: "app_uninstalled" });
    expect(await workspaces.tokenFor("T0TEAM")).toBeUndefined();
    expect(workspaces.knownBotUserOf("T0TEAM")).toBeUndefined();
  });

  it("replay: an uninstallation that is told again takes nothing away that was installed since", async () => {
    const { workspaces, installations } = open(() => no("invalid_auth"));
    const gone = { teamId: "T0TEAM", isEnterprise: false, why: "app_uninstalled" };
    await installations.save({ id: "T0TEAM", token: "xoxb-first", botUserId: "U0BOT" });
    await workspaces.revoke({ ...gone, eventId: "Ev1" });
    expect(await installations.of("T0TEAM")).toBeUndefined();
    await installations.save({ id: "T0TEAM", token: "xoxb-second", botUserId: "U0BOT" });
    await workspaces.revoke({ ...gone, eventId: "Ev1" });
    expect(await installations.of("T0TEAM")).toMatchObject({ token: "xoxb-second" });
    await workspaces.revoke({ ...gone, eventId: "Ev2" });
    expect(await installations.of("T0TEAM")).toBeUndefined();
  });

  it("cannot be told while Slack is away: nothing is refused for that", async () => {
    const { workspaces } = open(() => ({ kind: "lost", reason: "HTTP 500" }), {
      botToken: "xoxb-1",
    });
    await expect(workspaces.tokenFor("T0TEAM")).rejects.toThrow("HTTP 500");
    expect(workspaces.fault()).toBeUndefined();
  });

  it("is said to be wrong, with what to do, where Slack refuses it", async () => {
    const { workspaces, log } = open(() => no("invalid_auth"), { botToken: "xoxb-1" });
    workspaces.start();
    await eventually(() => expect(workspaces.fault()).toMatch(/bot_token \(invalid_auth\): copy/));
    expect(await workspaces.tokenFor("T0TEAM")).toBeUndefined();
    expect(log.lines.map(({ fields }) => fields.alert)).toEqual(["slack_token_refused"]);
    expect(JSON.stringify(log.lines)).not.toContain("xoxb-1");
  });

  it("is said to be another workspace's where two were mixed up", async () => {
    const { workspaces } = open(() => tested("T0TEAM"), {
      tokens: new Map([["T0ELSE", "xoxb-1"]]),
    });
    workspaces.start();
    await eventually(() => expect(workspaces.fault()).toMatch(/team_id T0ELSE is another/));
  });
});
