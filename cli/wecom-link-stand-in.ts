import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import {
  JsonError,
  type JsonObject,
  objectIn,
  readJson,
  textIn,
} from "../channels/wecom/bot/json.ts";
import { type ServerSocket, serveWebSockets } from "./web-socket-server.ts";
import { shownOf } from "./wecom-bot-shown.ts";
import { shownText } from "./wecom-shown.ts";

/** Takes the place of the platform's end of a bot's long connection while it is open. */
export interface LinkStandIn {
  /** Whether the gateway has subscribed, or tried to with other credentials; undefined = not in time. */
  subscribed(deadline: AbortSignal): Promise<boolean | undefined>;
  /** Says something to the gateway. */
  deliver(command: "aibot_msg_callback" | "aibot_event_callback", body: object): void;
  /** What one chat was shown until it was quiet for so long; undefined when nothing came in time. */
  collect(deadline: AbortSignal, quietMs: number): Promise<LinkShown | undefined>;
  close(): Promise<void>;
}

export interface LinkShown {
  /** One for each bubble, streams as they ended. */
  readonly parts: readonly string[];
  /** How often something new was shown in a stream. */
  readonly frames: number;
  /** By `performance.now()`. */
  readonly lastAt: number;
}

export interface LinkScene {
  readonly botId: string;
  readonly secret: string;
  /** A user's id, or a group's. */
  readonly chatId: string;
  /** What the next answers and pushes are refused with, in order. */
  readonly faults: readonly number[];
}

interface Bubble {
  readonly streamId?: string;
  text: string;
  isFinished: boolean;
}

const LOOK_MS = 25;
const BAD_CREDENTIALS = { errcode: 853000, errmsg: "invalid bot_id or secret" };
const OK = { errcode: 0, errmsg: "ok" };
const ANSWERS = new Set([
  "aibot_respond_msg",
  "aibot_respond_welcome_msg",
  "aibot_respond_update_msg",
  "aibot_send_msg",
]);

/** Listens where the gateway looks for the platform; undefined where something else listens there. */
export const startLinkStandIn = async (
  url: URL,
  scene: LinkScene,
): Promise<LinkStandIn | undefined> => {
  const faults = [...scene.faults];
  const files = new Map<string, string>();
  const bubbles: Bubble[] = [];
  const sockets = new Set<ServerSocket>();
  const reqId = `simulated_${randomBytes(8).toString("hex")}`;
  let subscriber: ServerSocket | undefined;
  let isRefused = false;
  let frames = 0;
  let lastAt = 0;

  const show = (text: string, isFinished: boolean, streamId?: string): void => {
    lastAt = performance.now();
    const known = bubbles.find((bubble) => streamId !== undefined && bubble.streamId === streamId);
    if (streamId !== undefined && known?.text !== text) frames += 1;
    if (known) Object.assign(known, { text, isFinished });
    else bubbles.push({ text, isFinished, ...(streamId !== undefined && { streamId }) });
  };

  const answered = (command: string, toReqId: string, body: object): object => {
    const fault = faults.shift();
    if (fault !== undefined) return { errcode: fault, errmsg: "as --fault asks for" };
    const { chatid } = body as { chatid?: unknown };
    const isOurs = command === "aibot_send_msg" ? chatid === scene.chatId : toReqId === reqId;
    if (!isOurs) return OK; // of an earlier conversation
    const shown = command === "aibot_send_msg" ? undefined : shownOf(body);
    const text = shown?.text ?? shownText(body as Record<string, unknown>, (id) => files.get(id));
    if (text === undefined) return { errcode: 40058, errmsg: "invalid parameter" };
    show(text, shown?.isFinished ?? true, shown?.streamId);
    return OK;
  };

  /** A file is known by its name; what is in it nobody looks at. */
  const uploaded = (command: string, body: JsonObject | undefined): object => {
    if (command === "aibot_upload_media_init") {
      const id = randomBytes(8).toString("hex");
      files.set(id, textIn(body, "filename") ?? "");
      return { ...OK, body: { upload_id: id } };
    }
    if (command === "aibot_upload_media_finish") {
      return { ...OK, body: { media_id: textIn(body, "upload_id") } };
    }
    return OK;
  };

  const take = (socket: ServerSocket, text: string): void => {
    const frame = readJson(text);
    const command = textIn(frame, "cmd") ?? "";
    const to = textIn(objectIn(frame, "headers"), "req_id") ?? "";
    const acknowledge = (answer: object): void =>
      socket.send(JSON.stringify({ headers: { req_id: to }, ...answer }));
    const body = objectIn(frame, "body");
    if (command === "aibot_subscribe") {
      const isKnown =
        textIn(body, "bot_id") === scene.botId && textIn(body, "secret") === scene.secret;
      if (isKnown) subscriber = socket;
      else isRefused = true;
      acknowledge(isKnown ? OK : BAD_CREDENTIALS);
    } else if (ANSWERS.has(command)) {
      const { body: sent } = JSON.parse(text) as { body: object };
      acknowledge(answered(command, to, sent));
    } else acknowledge(uploaded(command, body));
  };

  const server = createServer((_request, response) => response.writeHead(404).end());
  serveWebSockets(server, (socket) => {
    sockets.add(socket);
    return {
      received: (text) => {
        try {
          take(socket, text);
        } catch (error) {
          if (!(error instanceof JsonError)) throw error;
          socket.destroy();
        }
      },
      closed: () => {
        sockets.delete(socket);
        if (subscriber === socket) subscriber = undefined;
      },
    };
  });
  try {
    server.listen(Number(url.port || 80), url.hostname.replace(/^\[|\]$/g, ""));
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return undefined;
  }

  return {
    subscribed: async (deadline) => {
      while (!deadline.aborted) {
        if (subscriber) return true;
        if (isRefused) return false;
        await delay(LOOK_MS);
      }
      return undefined;
    },
    deliver: (command, body) =>
      subscriber?.send(JSON.stringify({ cmd: command, headers: { req_id: reqId }, body })),
    collect: async (deadline, quietMs) => {
      for (;;) {
        const isWhole = bubbles.length > 0 && bubbles.every(({ isFinished }) => isFinished);
        if (isWhole && performance.now() - lastAt >= quietMs) {
          return { parts: bubbles.map(({ text }) => text), frames, lastAt };
        }
        if (bubbles.every(({ text }) => text === "") && deadline.aborted) return undefined;
        await delay(LOOK_MS);
      }
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};
