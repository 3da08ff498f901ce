import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  type DiscordRest,
  type StandInInteraction,
  startDiscordRest,
} from "../fakes/discord-rest.ts";
import { discordSigner } from "../fakes/discord-signer.ts";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { type SlackApi, startSlackApi } from "../fakes/slack-api.ts";
import {
  directMessage,
  eventBody,
  newTs,
  postSlack,
  SIGNING_SECRET,
  signed,
} from "../fakes/slack-events.ts";

// On a machine that is busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

const PATIENCE = { timeout: 30_000, interval: 20 };
const CLIENT = { client_id: "1.2", client_secret: "the-clients-secret" };
const FORMER_SECRET = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
const GUILD = "900000000000000101";
const ROOM = "900000000000000111";
const PERSON = { id: "800000000000000001", username: "ann" };
const signer = discordSigner();

let slack: SlackApi;
let discord: DiscordRest;
let gateway: GatewayProcess;

/** What the stand-in grants for a code or a refresh token, as `oauth.v2.access` says it. */
const grants = new Map<string, Readonly<Record<string, unknown>>>();

beforeAll(async () => {
  [slack, discord] = await Promise.all([startSlackApi(), startDiscordRest()]);
  slack.on("oauth.v2.access", ({ code, refresh_token, ...args }) => {
    const named = String(code ?? refresh_token);
    const granted = grants.get(named);
    const isOurs =
      args.client_id === CLIENT.client_id && args.client_secret === CLIENT.client_secret;
    // Each is good for one use.
    if (!granted || !isOurs || !grants.delete(named)) return { ok: false, error: "invalid_code" };
    return granted;
  });
  discord.channels.set(ROOM, { id: ROOM, type: 0, guild_id: GUILD });
  gateway = gatewayProcess({
    channels: {
      slack: {
        ...{ signing_secret: SIGNING_SECRET, previous: [{ signing_secret: FORMER_SECRET }] },
        ...{ ...CLIENT, api_base_url: slack.baseUrl },
      },
      discord: {
        ...{ mode: "interactions", bot_token: discord.token, public_key: signer.publicKey },
        ...{ application_id: discord.applicationId, api_base_url: discord.apiBaseUrl },
      },
    },
    multi_tenant: {
      tenants: [
        {
          ...{ id: "staff", llm_config: { provider: "echo" } },
          bindings: [
            ...["T0ONE", "T0TWO", "T0ORGA", "T0ORGB", "T0TURNS"].map((workspace) => ({
              ...{ channel: "slack", workspace },
            })),
            { channel: "discord", workspace: GUILD },
          ],
        },
      ],
    },
  });
  await gateway.start();
}, 60_000);
afterAll(async () => {
  await gateway.remove();
  await Promise.all([slack.close(), discord.close()]);
});

const tokenOf = (teamId: string): string => slack.install(teamId, { userId: `U0${teamId}` }).token;

/** Goes through the consent page as a browser does; the status of the page that it ends on. */
const install = async (
  code: string,
  granted: Readonly<Record<string, unknown>>,
): Promise<number> => {
  grants.set(code, granted);
  const begun = await fetch(`${gateway.url}/api/slack/install`, { redirect: "manual" });
  expect(begun.status).toBe(302);
  const consent = new URL(begun.headers.get("location") ?? "");
  expect(consent.origin + consent.pathname).toBe(`${slack.origin}/oauth/v2/authorize`);
  const [cookie = ""] = (begun.headers.get("set-cookie") ?? "").split(";");
  const back = new URLSearchParams({ code, state: consent.searchParams.get("state") ?? "" });
  const path = `${gateway.url}/api/slack/oauth_redirect?${back}`;
  // Somebody who was only sent the link has not begun it.
  expect((await fetch(path)).status).toBe(403);
  return (await fetch(path, { headers: { cookie } })).status;
};

const inTeam = (teamId: string, enterpriseId?: string) => ({
  ...{ team_id: teamId, context_team_id: teamId, enterprise_id: enterpriseId ?? null },
  authorizations: [
    {
      ...{ enterprise_id: enterpriseId ?? null, team_id: teamId, user_id: `U0${teamId}` },
      ...{ is_bot: true, is_enterprise_install: enterpriseId !== undefined },
    },
  ],
});

const tell = (event: object, around: object, secret = SIGNING_SECRET) => {
  const body = JSON.stringify(eventBody(event as Readonly<Record<string, unknown>>, { ...around }));
  return postSlack(`${gateway.url}/api/slack/events`, signed(body, "json", { secret }));
};

/** Somebody of a workspace writes to the bot directly. */
const ask = async (teamId: string, text: string, enterpriseId?: string): Promise<void> => {
  const said = directMessage(text, {
    ...{ team: teamId, user_team: teamId, channel: `D0${teamId}`, user: `U0ANN${teamId}` },
  });
  expect((await tell(said, inTeam(teamId, enterpriseId))).status).toBe(200);
};

/** With which tokens something with these words was said. */
const tokensThatSaid = (text: string): readonly string[] =>
  slack
    .callsOf("chat.postMessage")
    .filter(({ args }) => String(args.text).includes(text))
    .map(({ token }) => token);

const saidBy = (text: string, token: string): Promise<void> =>
  vi.waitFor(() => expect(tokensThatSaid(text)).toEqual([token]), PATIENCE);

const workspaceGrant = (teamId: string, token: string, more: object = {}) => ({
  ...{ access_token: token, bot_user_id: `U0${teamId}`, is_enterprise_install: false },
  ...{ team: { id: teamId, name: teamId }, enterprise: { id: "E0ORG", name: "Org" } },
  ...more,
});

const uninstall = async (teamId: string, enterpriseId?: string): Promise<void> => {
  const around = inTeam(teamId, enterpriseId);
  expect((await tell({ type: "app_uninstalled", event_ts: newTs() }, around)).status).toBe(200);
};

/** Everything that the gateway keeps. */
const onDisk = (): string =>
  readdirSync(join(gateway.folder, "data"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString("latin1"))
    .join();

describe("Slack installed by people", () => {
  it("gives each workspace of an organisation its own token, which an uninstallation takes away from it alone", async () => {
    const [one, two] = [tokenOf("T0ONE"), tokenOf("T0TWO")];
    expect(await install("code-1", workspaceGrant("T0ONE", one))).toBe(200);
    expect(await install("code-2", workspaceGrant("T0TWO", two))).toBe(200);
    await ask("T0ONE", "from the first");
    await ask("T0TWO", "from the second");
    await saidBy("from the first", one);
    await saidBy("from the second", two);
    expect(onDisk()).toContain("installation/T0ONE");
    expect(onDisk()).not.toContain(one);
    expect(gateway.output).not.toContain(one);

    await uninstall("T0ONE");
    const calls = slack.calls.length;
    await ask("T0ONE", "after it was taken away");
    await ask("T0TWO", "from who stays");
    await saidBy("from who stays", two);
    await gateway.stop();
    await gateway.start();
    await ask("T0ONE", "after a restart");
    await ask("T0TWO", "from who stays still");
    await saidBy("from who stays still", two);
    expect(slack.calls.slice(calls).filter(({ token }) => token === one)).toEqual([]);
    expect(tokensThatSaid("after it was taken away")).toEqual([]);

    const anew = tokenOf("T0ONE");
    expect(await install("code-3", workspaceGrant("T0ONE", anew))).toBe(200);
    await ask("T0ONE", "installed anew");
    await saidBy("installed anew", anew);
  });

  it("speaks in every workspace of an organisation with the one token of its installation", async () => {
    const token = tokenOf("T0ORGA");
    const granted = {
      ...{ access_token: token, bot_user_id: "U0ORG", is_enterprise_install: true },
      ...{ team: null, enterprise: { id: "E0WIDE", name: "Wide" } },
    };
    expect(await install("code-4", granted)).toBe(200);
    await ask("T0ORGA", "said in A", "E0WIDE");
    await ask("T0ORGB", "said in B", "E0WIDE");
    await saidBy("said in A", token);
    await saidBy("said in B", token);
    await uninstall("T0ORGA", "E0WIDE");
    const calls = slack.calls.length;
    await ask("T0ORGB", "once more", "E0WIDE");
    await ask("T0TWO", "somewhere else");
    await vi.waitFor(() => expect(tokensThatSaid("somewhere else")).toHaveLength(1), PATIENCE);
    expect(slack.calls.slice(calls).filter((call) => call.token === token)).toEqual([]);
  });

  it("changes a token that expires for the next one, once, also after a restart", async () => {
    const [first, second, third] = [tokenOf("T0TURNS"), tokenOf("T0TURNS"), tokenOf("T0TURNS")];
    const rotating = (token: string, refresh_token: string, expires_in: number) =>
      workspaceGrant("T0TURNS", token, { refresh_token, expires_in });
    grants.set("xoxe-1", rotating(second, "xoxe-2", 60));
    grants.set("xoxe-2", rotating(third, "xoxe-3", 43_200));
    expect(await install("code-5", rotating(first, "xoxe-1", 60))).toBe(200);
    slack.revoke(first);
    await ask("T0TURNS", "with the second token");
    await saidBy("with the second token", second);
    slack.revoke(second);
    await gateway.stop("SIGKILL");
    await gateway.start();
    await Promise.all(["a", "b", "c"].map((word) => ask("T0TURNS", `with the third, ${word}`)));
    for (const word of ["a", "b", "c"]) await saidBy(`with the third, ${word}`, third);
    const refreshed = slack.callsOf("oauth.v2.access").map(({ args }) => args.refresh_token);
    expect(refreshed.filter((token) => token !== undefined)).toEqual(["xoxe-1", "xoxe-2"]);
    for (const secret of ["xoxe-1", "xoxe-3", third, CLIENT.client_secret]) {
      expect(gateway.output).not.toContain(secret);
    }
  });

  it("takes what was signed with the secret before the current one, and with no third", async () => {
    const said = directMessage("old secret", {
      channel: "D0OLD",
      team: "T0TWO",
      user_team: "T0TWO",
    });
    expect((await tell(said, inTeam("T0TWO"), FORMER_SECRET)).status).toBe(200);
    expect((await tell(said, inTeam("T0TWO"), "guessed")).status).toBe(403);
    await vi.waitFor(() => expect(slack.messages("D0OLD")).toHaveLength(1), PATIENCE);
  });
});

describe("Discord by HTTP interactions alone", () => {
  const command = (question: string): StandInInteraction =>
    discord.interact({
      ...{ type: 2, channel_id: ROOM, guild_id: GUILD, member: { user: PERSON, roles: [] } },
      data: { name: "ask", type: 1, options: [{ type: 3, name: "question", value: question }] },
    });

  const post = async (asked: StandInInteraction): Promise<void> => {
    const response = await signer.post(`${gateway.url}/api/discord/interactions`, asked.payload);
    expect(response.status).toBe(200);
    const callback = (await response.json()) as { type: number };
    expect(callback.type).toBe(5);
    asked.answerByHttp(callback);
  };

  it("defers a command and answers it in its place, the rest behind it", async () => {
    const short = command("What is this?");
    await post(short);
    await vi.waitFor(() => expect(short.original?.content).toContain("What is this?"), PATIENCE);
    const words = Array.from({ length: 900 }, (_, n) => `word${n}`).join(" ");
    const long = command(words.slice(0, 6_000));
    await post(long);
    await vi.waitFor(() => {
      const shown = discord.said(ROOM).map(({ content }) => content);
      expect(shown.slice(1).join(" ").replace(/\s+/g, " ")).toContain(words.slice(0, 6_000).trim());
    }, PATIENCE);
    expect(long.original?.content).toContain("word0");
    expect(discord.said(ROOM).every(({ content }) => content.length <= 2_000)).toBe(true);
    // Told once more, it is not answered once more.
    const said = discord.said(ROOM).length;
    await signer.post(`${gateway.url}/api/discord/interactions`, short.payload);
    const last = command("the last one");
    await post(last);
    await vi.waitFor(() => expect(last.original?.content).toContain("the last one"), PATIENCE);
    expect(discord.said(ROOM)).toHaveLength(said + 1);
  });

  it("answers by a message of its own when the command's token is no longer good", async () => {
    const asked = command("too late?");
    discord.failNext("PATCH /webhooks/:id/:token/messages/@original", { status: 401, code: 50027 });
    await post(asked);
    await vi.waitFor(() => {
      const answers = discord.messages(ROOM).filter(({ content }) => content.includes("too late?"));
      expect(answers).toHaveLength(1);
      expect(answers[0]?.id).not.toBe(asked.original?.id);
    }, PATIENCE);
  });

  it("is ready without any connection, and has registered its command once", async () => {
    expect((await fetch(`${gateway.url}/api/health/ready`)).status).toBe(200);
    await vi.waitFor(() => expect(discord.commands).toHaveLength(1), PATIENCE);
    const puts = discord.calls.filter(({ method }) => method === "PUT");
    expect(puts).toHaveLength(1);
  });
});
