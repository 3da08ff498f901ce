import { randomUUID } from "node:crypto";
import type { Log } from "../../../core/contract/log.ts";
import { openSocket, type Socket, type SocketReach } from "../../web-socket.ts";
import { JsonError, type JsonObject } from "../bot/json.ts";
import { CHANNEL } from "../types.ts";
import { type Command, type LinkFrame, readFrame, writeFrame } from "./frames.ts";

/** What became of a frame of ours. */
export type Sent =
  | {
      readonly kind: "acknowledged";
      readonly errcode: number;
      readonly body: JsonObject | undefined;
    }
  /** It certainly did not arrive. */
  | { readonly kind: "unsent"; readonly reason: string }
  /**
   * It may have arrived. `late` resolves with the errcode of an acknowledgement that came after all,
   * or with undefined when none will be waited for any more.
   */
  | { readonly kind: "lost"; readonly reason: string; readonly late: Promise<number | undefined> };

/** Sends one frame and waits for its acknowledgement; one at a time for one `reqId`. Never rejects. */
export type Request = (command: Command, body?: object, reqId?: string) => Promise<Sent>;

/** Why a connection is over. */
type Ending =
  | { readonly kind: "broken"; readonly reason: string }
  /** Another one has subscribed for the same bot. */
  | { readonly kind: "displaced" }
  /** The subscription was refused: the bot's id or its secret is wrong. */
  | { readonly kind: "credentials"; readonly errcode: number };

/** A subscribed connection. */
export interface Connection {
  readonly request: Request;
  readonly ended: Promise<Ending>;
}

export type Opened = { readonly kind: "open"; readonly connection: Connection } | Ending;

export interface LinkTimings {
  readonly pingMs: number;
  /** How long an acknowledgement is waited for. */
  readonly acknowledgementMs: number;
  /** How long after that a late one is still understood. */
  readonly lateMs: number;
  /** Until the subscription is acknowledged. */
  readonly subscribeMs: number;
}

/** https://developer.work.weixin.qq.com/document/path/101463 asks for a ping every 30 s. */
export const LINK_TIMINGS: LinkTimings = {
  pingMs: 30_000,
  acknowledgementMs: 10_000,
  lateMs: 20_000,
  subscribeMs: 15_000,
};

interface ConnectionOptions {
  readonly url: string;
  readonly reach: SocketReach;
  readonly botId: string;
  readonly secret: string;
  readonly timings: LinkTimings;
  readonly log: Log;
  /** Ends the connection at once, also while it is being made. */
  readonly signal: AbortSignal;
  /** Callbacks in the order in which they came. */
  readonly received: (callback: Extract<LinkFrame, { kind: "callback" }>) => void;
}

const MISSED_PINGS = 2;
// The bot's id or secret is wrong.
const BAD_CREDENTIALS = 853000;

interface Waiting {
  readonly acknowledged: (errcode: number, body: JsonObject | undefined) => void;
  readonly closed: () => void;
}

/** Connects and subscribes. Never rejects. */
export const openConnection = async (options: ConnectionOptions): Promise<Opened> => {
  const { url, reach, botId, secret, timings, log, received, signal } = options;
  // By req_id: who waits for the acknowledgement, in time or late.
  const waiting = new Map<string, Waiting>();
  let ending: Ending | undefined;
  let tellEnding = (_ending: Ending): void => {};
  const ended = new Promise<Ending>((resolve) => {
    tellEnding = resolve;
  });
  let tellOpened = (): void => {};
  const opened = new Promise<void>((resolve) => {
    tellOpened = resolve;
  });
  let pings: NodeJS.Timeout | undefined;
  let socket: Socket | undefined;

  const close = (): void => finish({ kind: "broken", reason: "closed by us" });
  const finish = (how: Ending): void => {
    if (ending) return;
    ending = how;
    clearInterval(pings);
    signal.removeEventListener("abort", close);
    socket?.close();
    for (const { closed } of [...waiting.values()]) closed();
    waiting.clear();
    tellEnding(how);
  };

  const take = (text: string): void => {
    let frame: LinkFrame;
    try {
      frame = readFrame(text);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      const fields = { channel: CHANNEL, botId, reason: error.reason };
      log.warn(fields, "frame not understood and dropped");
      return;
    }
    if (frame.kind === "acknowledgement") {
      waiting.get(frame.reqId)?.acknowledged(frame.errcode, frame.body);
    } else if (frame.kind === "displaced") finish({ kind: "displaced" });
    else received(frame);
  };

  const request: Request = (command, body, reqId = `${command}_${randomUUID()}`) => {
    if (ending) return Promise.resolve({ kind: "unsent", reason: "the link is down" });
    if (waiting.has(reqId)) {
      const reason = "an earlier frame of this reply is not acknowledged";
      return Promise.resolve({ kind: "unsent", reason });
    }
    return new Promise((resolve) => {
      let tellLate = (_errcode: number | undefined): void => {};
      const late = new Promise<number | undefined>((tell) => {
        tellLate = tell;
      });
      const lose = (reason: string): void => resolve({ kind: "lost", reason, late });
      const forget = (): void => {
        clearTimeout(timer);
        waiting.delete(reqId);
      };
      let timer = setTimeout(() => {
        lose(`${command}: no acknowledgement`);
        timer = setTimeout(() => {
          forget();
          tellLate(undefined);
        }, timings.lateMs);
      }, timings.acknowledgementMs);
      waiting.set(reqId, {
        acknowledged: (errcode, answer) => {
          forget();
          tellLate(errcode);
          resolve({ kind: "acknowledged", errcode, body: answer });
        },
        closed: () => {
          forget();
          tellLate(undefined);
          lose(`${command}: the link broke before the acknowledgement`);
        },
      });
      socket?.send(writeFrame(command, reqId, body));
    });
  };

  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  const giveUp = setTimeout(
    () => finish({ kind: "broken", reason: "no subscription in time" }),
    timings.subscribeMs,
  );
  socket = await openSocket(url, reach, {
    opened: () => tellOpened(),
    received: take,
    closed: (reason) => finish({ kind: "broken", reason }),
  });
  if (ending) socket.close();
  await Promise.race([opened, ended]);
  const subscribed = await request("aibot_subscribe", { bot_id: botId, secret });
  clearTimeout(giveUp);
  if (subscribed.kind !== "acknowledged") {
    finish({ kind: "broken", reason: `aibot_subscribe: ${subscribed.reason}` });
  } else if (subscribed.errcode !== 0) {
    const { errcode } = subscribed;
    finish(
      errcode === BAD_CREDENTIALS
        ? { kind: "credentials", errcode }
        : { kind: "broken", reason: `aibot_subscribe: errcode ${errcode}` },
    );
  }
  if (ending) return ending;

  let missed = 0;
  pings = setInterval(() => {
    void request("ping").then((sent) => {
      missed = sent.kind === "acknowledged" ? 0 : missed + 1;
      if (missed >= MISSED_PINGS) finish({ kind: "broken", reason: "pings not acknowledged" });
    });
  }, timings.pingMs);
  return { kind: "open", connection: { request, ended } };
};
