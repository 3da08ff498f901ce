import { setTimeout } from "node:timers/promises";
import type { Receive } from "../../core/contract/channel.ts";
import { OverloadError } from "../../core/contract/errors.ts";
import type { Log } from "../../core/contract/log.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import type { ChannelMetrics } from "../../core/contract/metrics.ts";
import { parseCommand } from "./commands.ts";
import { type KnownBot, parseEvent } from "./events.ts";
import { parseInteraction } from "./interactivity.ts";
import { type JsonObject, textIn } from "./json.ts";
import type { OpenForm } from "./open-form.ts";
import { organisationIn } from "./organisation.ts";
import type { Parsed } from "./parsed.ts";
import { formErrors } from "./question-form.ts";
import type { Threads } from "./threads.ts";
import type { Twins } from "./twins.ts";
import { CHANNEL } from "./types.ts";
import type { ViewedRooms, Viewpoint } from "./viewed-rooms.ts";
import type { KeptWorkspaces } from "./workspaces.ts";

/** What Slack tells us, by the ways it has for it; the same by HTTP and over a connection. */
export type Told = "events_api" | "slash_commands" | "interactive";

/** How what Slack told us gets into the gateway. */
export interface Intake {
  /** From now on messages go to `receive`. */
  open(receive: Receive): void;
  close(): void;
  /** Takes the body that Slack vouches for. Never rejects. */
  take(told: Told, body: JsonObject): Promise<Taken>;
}

export type Taken =
  /** Stored, or nothing to store: to be acknowledged, with `answer` where the platform wants one. */
  | { readonly isTaken: true; readonly answer?: object }
  /** Not stored: the platform must tell it again. */
  | { readonly isTaken: false };

export interface IntakeParts {
  readonly workspaces: Pick<KeptWorkspaces, "knownBotUserOf" | "botUserOf" | "belongs" | "revoke">;
  readonly threads: Threads;
  readonly viewedRooms: ViewedRooms;
  readonly twins: Pick<Twins, "expect" | "tell">;
  readonly openForm: OpenForm;
  readonly log: Log;
  readonly now: () => Date;
  /** Default: nobody counts. */
  readonly metrics?: ChannelMetrics;
}

// Slack tells again what it hears nothing of for 3 s.
const WHO_ARE_WE_MS = 2_000;

export const createIntake = (parts: IntakeParts): Intake => {
  const { workspaces, threads, viewedRooms, twins, openForm, log, now, metrics } = parts;
  let receive: Receive | undefined;

  const read = (told: Told, body: JsonObject, knownBot: KnownBot): Parsed => {
    if (told === "slash_commands") return parseCommand(body, now());
    return told === "interactive"
      ? parseInteraction(body, now())
      : parseEvent(body, knownBot, now());
  };

  /** Once more, knowing who we are: nobody who calls us may be missed. */
  const readAgain = async (told: Told, body: JsonObject, teamId: string): Promise<Parsed> => {
    const tooLate = new AbortController();
    const late = setTimeout(WHO_ARE_WE_MS, undefined, { signal: tooLate.signal }).then(() => {
      throw new Error("who we are in the workspace is not known yet");
    });
    late.catch(() => {});
    try {
      const bot = await Promise.race([workspaces.botUserOf(teamId), late]);
      return bot ? read(told, body, () => bot) : { kind: "ignored", reason: "NOT_INSTALLED" };
    } finally {
      tooLate.abort();
    }
  };

  /** What a person has open helps to understand them; without it, they are heard all the same. */
  const withOpenRoom = (
    message: InboundMessage,
    from: Viewpoint,
  ): InboundMessage | Promise<InboundMessage> => {
    const { content } = message;
    if (content.kind !== "text") return message;
    const beside = (openRoom: string | undefined): InboundMessage =>
      openRoom === undefined ? message : { ...message, content: { ...content, openRoom } };
    const openRoom = viewedRooms.from(from);
    if (!(openRoom instanceof Promise)) return beside(openRoom);
    return openRoom.then(beside, (err: unknown) => {
      log.warn({ err, channel: CHANNEL }, "what the person has open cannot be looked up");
      return message;
    });
  };

  const store = async (parsed: Extract<Parsed, { kind: "message" }>): Promise<void> => {
    const { ifIn, joins, asksFrom, views, tellsFiles = false } = parsed;
    if (!receive) throw new Error("the channel is not started");
    if (ifIn && !(await threads.isIn(ifIn))) return;
    if (views) await viewedRooms.note(views.from, views.roomId);
    const said = asksFrom ? withOpenRoom(parsed.message, asksFrom) : parsed.message;
    const message = said instanceof Promise ? await said : said;
    // A stranger who is not answered opens no thread to others.
    const isJoining = joins && message.sender.isExternal !== true;
    const joined = isJoining ? threads.join(joins) : undefined;
    joined?.catch(() => {});
    const { content } = message;
    const hasTwin = tellsFiles || (content.kind === "text" && content.isPartial);
    const { isNew } = await (hasTwin ? storeTwin(message, tellsFiles, receive) : receive(message));
    if (joined) await joined;
    if (!isNew) log.info({ messageId: message.id }, "delivered again by the platform");
  };

  /** Whichever event of a mention comes second, its files belong to the one that came first. */
  const storeTwin = async (message: InboundMessage, tellsFiles: boolean, receive: Receive) => {
    const { id, content } = message;
    if (content.kind !== "text") return receive(message);
    // Before it is stored: its turn may begin at once.
    const withdraw = content.isPartial ? twins.expect(id) : undefined;
    const receipt = await receive(message);
    if (receipt.isNew) return receipt;
    withdraw?.();
    if (tellsFiles) await twins.tell(message);
    return receipt;
  };

  const take = async (told: Told, body: JsonObject): Promise<Taken> => {
    const organisation = organisationIn(body);
    if (organisation) await workspaces.belongs(organisation.teamId, organisation.enterpriseId);
    const first = read(told, body, workspaces.knownBotUserOf);
    const parsed = first.kind === "who_are_we" ? await readAgain(told, body, first.teamId) : first;
    switch (parsed.kind) {
      case "message":
        await store(parsed);
        return { isTaken: true };
      case "viewed":
        await viewedRooms.note(parsed.from, parsed.roomId);
        return { isTaken: true };
      case "form_wanted":
        // Acknowledged meanwhile: it may take longer than Slack waits.
        void openForm(parsed.request);
        return { isTaken: true };
      case "revoked":
        await workspaces.revoke(parsed.installation);
        return { isTaken: true };
      case "ignored":
        return { isTaken: true, ...answerTo(body, parsed.reason) };
      case "who_are_we":
        return { isTaken: true };
    }
  };

  const noteUnread = (told: Told, body: JsonObject, parsed: string): void => {
    const type = (textIn(body, "type") ?? "").slice(0, 64);
    metrics?.told("unread", "parse", "not_understood");
    log.warn(
      { channel: CHANNEL, told, type, reason: parsed },
      "genuine but not understood; dropped",
    );
  };

  /** What a person would otherwise wait for in vain. */
  const answerTo = (body: JsonObject, reason: string): { readonly answer?: object } => {
    if (reason === "NOT_READABLE" || reason === "NO_WORKSPACE" || reason === "NO_EVENT") {
      noteUnread("events_api", body, reason);
    }
    if (reason === "EMPTY_QUESTION") return { answer: formErrors() };
    // A menu that asks for its choices shows an error when it hears nothing.
    return textIn(body, "type") === "block_suggestion" ? { answer: { options: [] } } : {};
  };

  return {
    open: (handler) => {
      receive = handler;
    },
    close: () => {
      receive = undefined;
    },
    take: async (told, body) => {
      try {
        if (!receive) throw new Error("the channel is not started");
        return await take(told, body);
      } catch (err) {
        if (err instanceof OverloadError) {
          log.warn({ channel: CHANNEL, tenant: err.tenantId }, "overloaded: not taken for now");
        } else {
          metrics?.told(told === "interactive" ? "event" : "text", "store", "failed");
          log.error(
            { err, channel: CHANNEL, told, alert: "message_not_stored" },
            "message not stored; the platform is asked to deliver it again",
          );
        }
        return { isTaken: false };
      }
    },
  };
};
