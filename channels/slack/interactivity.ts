import type { InboundEvent, InboundMessage, Sender } from "../../core/contract/message.ts";
import { clickIn } from "./card-ids.ts";
import { asObject, isTrue, type JsonObject, objectIn, objectsIn, textIn } from "./json.ts";
import { keyOf } from "./key-of.ts";
import { senderOf } from "./messages.ts";
import { conversationOf, isDirect, originOf } from "./origin.ts";
import type { Origin, Parsed } from "./parsed.ts";
import { isQuestionForm, questionIn } from "./question-form.ts";
import { slackTarget } from "./target.ts";
import { CHANNEL, isSlackId, isTs } from "./types.ts";

/**
 * Reads what a person did with something of ours that can be clicked or filled in. Everything else,
 * buttons that are no longer known among it, is acknowledged and means nothing.
 * @see https://docs.slack.dev/reference/interaction-payloads
 */
export const parseInteraction = (payload: JsonObject, now: Date): Parsed => {
  const person = readPerson(payload);
  if (!person) return ignored("NOT_READABLE");
  switch (textIn(payload, "type")) {
    case "block_actions":
      return parseClick(payload, person, now);
    case "view_submission":
      return isQuestionForm(payload)
        ? questionIn(payload, person.teamId, senderIn(person), now)
        : parseForm(payload, person, now);
    case "shortcut":
      return parseShortcut(payload, person);
    default:
      return ignored("OTHER_INTERACTION");
  }
};

interface Person {
  readonly teamId: string;
  readonly userId: string;
  readonly enterpriseId: string | undefined;
  /** The person's own workspace, where Slack says it. */
  readonly home: string | undefined;
}

const readPerson = (payload: JsonObject): Person | undefined => {
  const user = objectIn(payload, "user");
  const enterpriseId = textIn(objectIn(payload, "enterprise"), "id");
  const isEnterprise = isTrue(payload, "is_enterprise_install");
  const home = textIn(user, "team_id");
  const teamId =
    textIn(objectIn(payload, "team"), "id") ?? (isEnterprise ? (home ?? enterpriseId) : undefined);
  const userId = textIn(user, "id");
  if (!isSlackId(teamId) || !isSlackId(userId)) return undefined;
  return { teamId, userId, enterpriseId, home };
};

const parseClick = (payload: JsonObject, person: Person, now: Date): Parsed => {
  const click = clickIn(payload);
  if (!click) return ignored("OTHER_ACTION");
  const container = objectIn(payload, "container");
  const channelId = textIn(container, "channel_id") ?? textIn(objectIn(payload, "channel"), "id");
  const cardTs = textIn(container, "message_ts") ?? textIn(objectIn(payload, "message"), "ts");
  if (!isSlackId(channelId) || !isTs(cardTs)) return ignored("NOT_READABLE");
  const [action] = objectsIn(payload, "actions");
  const { teamId, userId } = person;
  const at = textIn(action, "action_ts") ?? textIn(payload, "trigger_id") ?? cardTs;
  const id = [teamId, "click", channelId, cardTs, userId, click.buttonId, keyOf(at)].join("/");
  const threadTs =
    textIn(container, "thread_ts") ?? textIn(objectIn(payload, "message"), "thread_ts");
  const room = { teamId, channelId, isDirect: isDirect(channelId, undefined) };
  const origin = originOf(room, cardTs, isTs(threadTs) ? threadTs : undefined);
  const responseUrl = textIn(payload, "response_url");
  const { cardId, buttonId } = click;
  const event: InboundEvent = {
    name: "card_clicked",
    platformName: "block_actions",
    fields: { cardId, buttonId },
    click,
  };
  const way = { cardTs, ...(responseUrl !== undefined && { responseUrl }) };
  return happening(event, id, origin, person, way, now);
};

/**
 * Whatever it is called, as with commands: it asks for a question.
 * @see https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
 */
const parseShortcut = (payload: JsonObject, { teamId }: Person): Parsed => {
  const triggerId = textIn(payload, "trigger_id");
  return triggerId === undefined
    ? ignored("NOT_READABLE")
    : { kind: "form_wanted", request: { teamId, triggerId } };
};

const parseForm = (payload: JsonObject, person: Person, now: Date): Parsed => {
  const view = objectIn(payload, "view");
  const key = textIn(payload, "trigger_id") ?? textIn(view, "hash") ?? textIn(view, "id");
  if (key === undefined) return ignored("NOT_READABLE");
  const { teamId, userId } = person;
  const event: InboundEvent = {
    name: "form_submitted",
    platformName: "view_submission",
    fields: {
      callback_id: textIn(view, "callback_id") ?? "",
      private_metadata: textIn(view, "private_metadata") ?? "",
      ...valuesIn(objectIn(objectIn(view, "state"), "values")),
    },
  };
  const id = [teamId, "form", keyOf(key)].join("/");
  // A form lies in no room; what is said about it goes to the person.
  return happening(event, id, { teamId, channelId: userId, isDirect: true }, person, {}, now);
};

/** What was filled in, as `<block>.<field>`; of several choices, one line each. */
const valuesIn = (values: JsonObject | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values ?? {}).flatMap(([block, states]) =>
      Object.entries(asObject(states) ?? {}).map(([field, state]) => [
        `${block}.${field}`,
        filledIn(asObject(state)),
      ]),
    ),
  );

const SINGLE = ["value", "selected_date", "selected_time", "selected_user", "selected_channel"];
const SEVERAL = ["selected_users", "selected_channels", "selected_conversations"];

const filledIn = (state: JsonObject | undefined): string => {
  const option = textIn(objectIn(state, "selected_option"), "value");
  const options = objectsIn(state, "selected_options").map((item) => textIn(item, "value") ?? "");
  const listed = SEVERAL.flatMap((name) => textsIn(state?.[name]));
  const single = SINGLE.flatMap((name) => textIn(state, name) ?? []);
  return [...single, ...(option === undefined ? [] : [option]), ...options, ...listed].join("\n");
};

const textsIn = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

const senderIn = ({ teamId, userId, enterpriseId, home }: Person): Sender =>
  senderOf(home === undefined ? {} : { user_team: home }, userId, {
    teamId,
    ...(enterpriseId !== undefined && { enterpriseId }),
  });

const happening = (
  event: InboundEvent,
  id: string,
  origin: Origin,
  person: Person,
  way: { readonly cardTs?: string; readonly responseUrl?: string },
  now: Date,
): Parsed => {
  const { channelId, threadTs } = origin;
  const { teamId, userId } = person;
  const message: InboundMessage = {
    id,
    channel: CHANNEL,
    workspaceId: teamId,
    conversation: conversationOf(origin),
    sender: senderIn(person),
    content: { kind: "event", event },
    target: slackTarget({
      teamId,
      channelId,
      userId,
      replyTo: id,
      threadTs,
      ...way,
    }),
    sentAt: now,
  };
  return { kind: "message", message };
};

const ignored = (reason: string): Parsed => ({ kind: "ignored", reason });
