import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { STAYS_OPEN } from "./stays-open.ts";
import { botRequest, type CloudBot, newCloudBot, openBotAnswer } from "./wecom-bot-envelope.ts";
import type { Forgery, SignedRequest } from "./wecom-envelope.ts";

/** One bubble of a chat; a stream's changes until it is finished. */
export interface Bubble {
  readonly via: "stream" | "response_url" | "welcome" | "card" | "card_update";
  readonly streamId?: string;
  text: string;
  isFinished: boolean;
  /** Every content that was shown, in order. */
  readonly frames: string[];
}

/** Brings one request to the gateway; undefined when nothing complete came back in time. */
export type Deliver = (
  request: SignedRequest,
) => Promise<{ readonly status: number; readonly body: string } | undefined>;

export interface Asked {
  /** Status of the last attempt; undefined when it got no response. */
  readonly status: number | undefined;
  readonly answer: Readonly<Record<string, unknown>> | undefined;
  /** Resolves when the stream is finished, or when the platform has given up polling. */
  readonly polled: Promise<void>;
}

/** Stands in for the cloud of an intelligent bot with a webhook. Its cryptography is its own. */
export interface WecomBotCloud {
  readonly bot: CloudBot;
  readonly apiBaseUrl: string;
  callback(inner: object, forgery?: Forgery): SignedRequest;
  /** What a member says, alone with the bot or in a group. */
  text(user: string, text: string, more?: Readonly<Record<string, unknown>>): InnerMessage;
  event(user: string, eventtype: string, details?: object): InnerMessage;
  /** Delivers like the real one: three attempts, and polls until the stream is finished. */
  ask(
    deliver: Deliver,
    inner: InnerMessage,
    options?: {
      readonly reencrypt?: boolean;
      readonly polls?: boolean;
      readonly loseFirst?: number;
    },
  ): Promise<Asked>;
  poll(deliver: Deliver, streamId: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** What is on the screen of a user, or of a group by its chatid. */
  screen(chat: string): readonly Bubble[];
  /** The next posts to a response URL end like this, in order. */
  failNext(...faults: readonly ("cut" | "cut_after" | { readonly errcode: number })[]): void;
  readonly posts: readonly { readonly code: string; readonly body: Record<string, unknown> }[];
  close(): Promise<void>;
}

export interface InnerMessage {
  readonly msgid: string;
  readonly from: { readonly userid: string };
  readonly chatid?: string;
  readonly [name: string]: unknown;
}

/** The real one asks about once a second, for six minutes. */
export const startWecomBotCloud = async (
  options: {
    readonly pollMs?: number;
    readonly pollForMs?: number;
    readonly bot?: Partial<CloudBot>;
  } = {},
): Promise<WecomBotCloud> => {
  const { pollMs = 20, pollForMs = 20_000 } = options;
  const bot = newCloudBot(options.bot);
  const screens = new Map<string, Bubble[]>();
  const chats = new Map<string, string>();
  const usedCodes = new Set<string>();
  const faults: ("cut" | "cut_after" | { readonly errcode: number })[] = [];
  const posts: { readonly code: string; readonly body: Record<string, unknown> }[] = [];
  let isClosed = false;
  let messages = 0;

  const chatOf = ({ chatid, from }: InnerMessage): string => chatid ?? from.userid;
  const put = (chat: string, bubble: Bubble): void => {
    screens.set(chat, [...(screens.get(chat) ?? []), bubble]);
  };

  /** Refuses what the real one would not show. */
  const checked = (content: unknown): string => {
    if (typeof content !== "string") throw new Error("content is no text");
    if (Buffer.byteLength(content) > 20_480) throw new Error("content is too long");
    return content;
  };

  const show = (chat: string, answer: Readonly<Record<string, unknown>>): Bubble | undefined => {
    const { msgtype, stream, text, response_type } = answer;
    if (msgtype === "stream" || msgtype === "stream_with_template_card") {
      const { id, finish, content } = stream as { id: string; finish: boolean; content: string };
      const known = screens.get(chat)?.find(({ streamId }) => streamId === id);
      const bubble = known ?? {
        via: "stream",
        streamId: id,
        text: "",
        isFinished: false,
        frames: [],
      };
      if (!known) put(chat, bubble);
      // Nobody sees what comes after the end.
      if (bubble.isFinished) return bubble;
      bubble.text = checked(content);
      bubble.frames.push(content);
      bubble.isFinished = finish;
      return bubble;
    }
    const bubble = (via: Bubble["via"], shown: string): Bubble => ({
      ...{ via, text: shown, isFinished: true, frames: [shown] },
    });
    if (msgtype === "text")
      put(chat, bubble("welcome", checked((text as { content?: unknown }).content)));
    else if (msgtype === "template_card")
      put(chat, bubble("card", JSON.stringify(answer.template_card)));
    else if (response_type === "update_template_card") {
      put(chat, bubble("card_update", JSON.stringify(answer.template_card)));
    } else throw new Error(`nobody knows the answer ${JSON.stringify(answer).slice(0, 80)}`);
    return undefined;
  };

  const postOf = async (incoming: IncomingMessage): Promise<object | "cut"> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const url = new URL(incoming.url ?? "/", "http://api.invalid");
    const code = url.searchParams.get("response_code") ?? "";
    const chat = chats.get(code);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    posts.push({ code, body });
    const fault = faults.shift();
    if (fault === "cut") return "cut";
    if (typeof fault === "object") return fault;
    if (chat === undefined || usedCodes.has(code))
      return { errcode: 600_039, errmsg: "invalid code" };
    usedCodes.add(code);
    if (body.msgtype === "markdown") {
      const text = checked((body.markdown as { content?: unknown }).content);
      put(chat, { via: "response_url", text, isFinished: true, frames: [text] });
    } else
      put(chat, {
        via: "card",
        text: JSON.stringify(body.template_card),
        isFinished: true,
        frames: [],
      });
    return fault === "cut_after" ? "cut" : { errcode: 0, errmsg: "ok" };
  };

  const server = createServer(STAYS_OPEN, (incoming, response) => {
    postOf(incoming).then(
      (result) => (result === "cut" ? response.destroy() : response.end(JSON.stringify(result))),
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const apiBaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const inner = (user: string, more: Readonly<Record<string, unknown>>): InnerMessage => {
    const code = randomBytes(9).toString("hex");
    const message: InnerMessage = {
      msgid: `MSG${++messages}${code}`,
      aibotid: bot.id,
      chattype: "single",
      from: { userid: user },
      response_url: `${apiBaseUrl}/cgi-bin/aibot/response?response_code=${code}`,
      ...more,
    };
    chats.set(code, chatOf(message));
    return message;
  };

  const exchange = async (deliver: Deliver, request: SignedRequest) => {
    const response = await deliver(request);
    if (response?.status !== 200 || response.body === "") return { status: response?.status };
    return { status: 200, answer: openBotAnswer(response.body, bot) };
  };

  const cloud: WecomBotCloud = {
    ...{ bot, apiBaseUrl, posts },
    callback: (message, forgery) => botRequest(JSON.stringify(message), bot, forgery),
    text: (user, content, more = {}) =>
      inner(user, { msgtype: "text", text: { content }, ...more }),
    event: (user, eventtype, details = {}) => {
      const event = { eventtype, [eventtype]: details };
      return inner(user, { msgtype: "event", create_time: 1_700_000_000, event });
    },

    ask: async (deliver, message, { reencrypt = false, polls = true, loseFirst = 0 } = {}) => {
      let request = cloud.callback(message);
      let made: { readonly status: number | undefined; readonly answer?: Record<string, unknown> };
      for (let attempt = 1; ; attempt += 1) {
        made = await exchange(deliver, request);
        const isLost = attempt <= loseFirst;
        if ((made.status === 200 && !isLost) || attempt === 3) break;
        if (reencrypt) request = cloud.callback(message);
      }
      const { status, answer } = made;
      const bubble = answer && show(chatOf(message), answer);
      const watch = async (): Promise<void> => {
        const until = Date.now() + pollForMs;
        while (bubble?.streamId && !bubble.isFinished && !isClosed && Date.now() < until) {
          await delay(pollMs);
          const polled = await cloud.poll(deliver, bubble.streamId);
          if (polled) show(chatOf(message), polled);
        }
      };
      return { status, answer, polled: polls ? watch() : Promise.resolve() };
    },

    poll: async (deliver, id) => {
      const poll = { msgid: `POLL${randomBytes(6).toString("hex")}`, aibotid: bot.id };
      const request = cloud.callback({ ...poll, msgtype: "stream", stream: { id } });
      return (await exchange(deliver, request)).answer;
    },

    screen: (chat) => screens.get(chat) ?? [],
    failNext: (...next) => void faults.push(...next),
    close: async () => {
      isClosed = true;
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return cloud;
};
