import { randomBytes } from "node:crypto";
import { sign } from "../channels/slack/verify.ts";
import type { Settings } from "../config/schema.ts";
import { slackMode } from "../config/slack-mode.ts";
import { localUrl } from "./gateway-url.ts";
import {
  RESPONSE_PATH,
  type SlackForm,
  type SlackScene,
  startSlackStandIn,
} from "./slack-stand-in.ts";

export interface SlackSimulation {
  readonly settings: Settings;
  /** The settings file, for messages. */
  readonly source: string;
  readonly text: string;
  readonly userId: string;
  /** Absent: the first workspace that a tenant is bound to. */
  readonly teamId?: string | undefined;
  /** A room to mention the app in; absent: a direct chat. */
  readonly channelId?: string | undefined;
  /** As a slash command. */
  readonly isCommand: boolean;
  /** Into the form that a shortcut, or a command without a text, opens. */
  readonly isForm: boolean;
  /** Tells it this many times, as Slack does when it hears nothing. */
  readonly times: number;
  readonly timeoutMs: number;
  /** How long it must be quiet for an answer to be whole. Default: 1.5 s. */
  readonly quietMs?: number;
}

export type SlackSimulated =
  | { readonly kind: "answered"; readonly parts: readonly string[]; readonly ms: number }
  | { readonly kind: "unanswered"; readonly problem: string; readonly ms: number }
  | { readonly kind: "misuse"; readonly problem: string };

const QUIET_MS = 1_500;
const ID = /^[A-Z0-9]{1,64}$/;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const BOT_USER = "U0SIMULATED";

/**
 * Says something to the running gateway as a person in Slack would, signed, and waits for the
 * answer. Takes the place of Slack's Web API at `api_base_url`.
 */
export const playSlack = async (simulation: SlackSimulation): Promise<SlackSimulated> => {
  const { settings, source, text, userId, timeoutMs } = simulation;
  const { slack } = settings.channels;
  const misuse = (problem: string): SlackSimulated => ({ kind: "misuse", problem });
  if (!slack?.enabled) return misuse(`no Slack app in ${source}: fill in channels.slack`);
  if (slackMode(slack) !== "http" || slack.signing_secret === undefined) {
    return misuse(
      `channels.slack in ${source} takes events over connections of its own: to play Slack, set ` +
        'mode to "http" and a signing_secret, here and for the gateway',
    );
  }
  const base = new URL(slack.api_base_url);
  if (base.protocol !== "http:" || !LOOPBACK.test(base.hostname)) {
    return misuse(
      `channels.slack.api_base_url in ${source} is ${base.origin}: set it to ` +
        "http://127.0.0.1:<port>/api/ and start the gateway with it, so that nothing reaches Slack",
    );
  }
  if (text.trim() === "") return misuse("TEXT is empty: nobody says nothing");
  const bindings = settings.multi_tenant.tenants.flatMap((tenant) => tenant.bindings);
  const bound = bindings.find(({ channel }) => channel === "slack")?.workspace;
  const teamId = simulation.teamId ?? bound ?? "T0SIMULATED";
  const channelId = simulation.channelId ?? `D${userId.slice(1)}`;
  for (const id of [userId, teamId, channelId]) {
    if (!ID.test(id)) return misuse(`${id}: expected an id of Slack's: A-Z and digits`);
  }
  const scene: SlackScene = { teamId, userId, botUserId: BOT_USER };
  const standIn = await startSlackStandIn(base, scene);
  if (!standIn) {
    return misuse(`${base.origin} (channels.slack.api_base_url) is taken by another program`);
  }
  const startedAt = performance.now();
  const elapsed = () => Math.round(performance.now() - startedAt);
  const deadline = AbortSignal.timeout(timeoutMs);
  const said: Said = { ...scene, channelId, text, responseUrl: `${base.origin}${RESPONSE_PATH}` };
  try {
    const unanswered = (problem: string): SlackSimulated => ({
      kind: "unanswered",
      problem,
      ms: elapsed(),
    });
    const { signing_secret: secret } = slack;
    const how = simulation.isCommand ? commandOf : eventOf;
    let body = how(said);
    if (simulation.isForm) {
      const opening = simulation.isCommand ? commandOf({ ...said, text: "" }) : shortcutOf(said);
      const problem = await tell(simulation, secret, opening, deadline);
      if (problem !== undefined) return unanswered(problem);
      const form = await standIn.openedForm(deadline);
      if (!form) return unanswered("the gateway opened no form in time: see its log");
      body = handedInBy(said, form);
    }
    for (let time = 0; time < simulation.times; time++) {
      const problem = await tell(simulation, secret, body, deadline);
      if (problem !== undefined) return unanswered(problem);
    }
    const parts = await standIn.collect(deadline, simulation.quietMs ?? QUIET_MS);
    if (parts) return { kind: "answered", parts, ms: elapsed() };
    return unanswered("no answer in time: see the gateway's log, or wait longer with --timeout");
  } finally {
    await standIn.close();
  }
};

interface Said extends SlackScene {
  readonly channelId: string;
  readonly text: string;
  readonly responseUrl: string;
}

const newTs = (): string => {
  const now = Date.now();
  return `${Math.floor(now / 1000)}.${String((now % 1000) * 1000).padStart(6, "0")}`;
};

const eventOf = ({ teamId, userId, channelId, text, botUserId }: Said): string => {
  const ts = newTs();
  const isDirect = channelId.startsWith("D");
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return JSON.stringify({
    type: "event_callback",
    team_id: teamId,
    api_app_id: "A0SIMULATED",
    event_id: `Ev${randomBytes(6).toString("hex")}`,
    event_time: Math.floor(Date.now() / 1000),
    authorizations: [{ team_id: teamId, user_id: botUserId, is_bot: true }],
    is_ext_shared_channel: false,
    event: {
      type: "message",
      user: userId,
      user_team: teamId,
      channel: channelId,
      ts,
      event_ts: ts,
      text: isDirect ? escaped : `<@${botUserId}> ${escaped}`,
      channel_type: isDirect ? "im" : "channel",
    },
  });
};

const commandOf = ({ teamId, userId, channelId, text, responseUrl }: Said): string =>
  new URLSearchParams({
    command: "/ask",
    text,
    team_id: teamId,
    user_id: userId,
    channel_id: channelId,
    trigger_id: randomBytes(8).toString("hex"),
    response_url: responseUrl,
  }).toString();

/** What a person does with something of the app's. */
const interactionOf = ({ teamId, userId }: Said, payload: object): string =>
  new URLSearchParams({
    payload: JSON.stringify({
      team: { id: teamId },
      user: { id: userId, team_id: teamId },
      trigger_id: randomBytes(8).toString("hex"),
      ...payload,
    }),
  }).toString();

const shortcutOf = (said: Said): string =>
  interactionOf(said, { type: "shortcut", callback_id: "ask", action_ts: newTs() });

/** The text stands in the form's every field; ours has one. */
const handedInBy = (said: Said, form: SlackForm): string => {
  const blocks = (Array.isArray(form.blocks) ? form.blocks : []) as readonly FormBlock[];
  const values = blocks.flatMap(({ block_id, element }) =>
    block_id === undefined || element === undefined
      ? []
      : [[block_id, { [element.action_id]: { type: element.type, value: said.text } }]],
  );
  const id = `V${randomBytes(6).toString("hex")}`;
  const view = { ...form, id, state: { values: Object.fromEntries(values) } };
  return interactionOf(said, { type: "view_submission", view });
};

interface FormBlock {
  readonly block_id?: string;
  readonly element?: { readonly type: string; readonly action_id: string };
}

/** Posts it, signed. Undefined when it was acknowledged. */
const tell = async (
  { settings: { server, channels }, source }: SlackSimulation,
  secret: string,
  body: string,
  deadline: AbortSignal,
): Promise<string | undefined> => {
  const url = new URL(channels.slack?.webhook_path ?? "", localUrl(server));
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = sign(secret, timestamp, Buffer.from(body)).toString("hex");
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      signal: deadline,
      headers: {
        "content-type": body.startsWith("{")
          ? "application/json"
          : "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": `v0=${signature}`,
      },
    });
    if (response.ok) return undefined;
    return response.status === 403
      ? `the gateway refused the signature (HTTP 403): it runs with other credentials than ${source}, or by another clock`
      : `the gateway answered HTTP ${response.status}: see its log`;
  } catch {
    return `no gateway at ${url.origin}: start it in another terminal`;
  }
};
