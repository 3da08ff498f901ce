import type { Log } from "../../core/contract/log.ts";
import { openSocket, type Socket } from "../web-socket.ts";
import { type JsonObject, readObject, textIn } from "./json.ts";
import { CHANNEL } from "./types.ts";

/** Something that Slack wants acknowledged. */
export interface SocketEnvelope {
  readonly id: string;
  /** `events_api`, `slash_commands`, `interactive`, or something that we do not know. */
  readonly type: string;
  readonly payload: JsonObject;
}

/** Why a connection is over, or is about to be. */
export interface SocketEnding {
  /** Fit for a log. */
  readonly reason: string;
  /** It was there and heard nothing any more. */
  readonly isDeaf: boolean;
}

export interface SocketConnection {
  /** An acknowledgement; `answer` where the platform wants one. */
  acknowledge(envelopeId: string, answer: object | undefined): void;
  close(): void;
  readonly ended: Promise<SocketEnding>;
}

export interface SocketConnectionOptions {
  /** As `apps.connections.open` gave it: it holds a ticket, and is a secret. */
  readonly url: string;
  readonly timings: SocketTimings;
  readonly log: Log;
  readonly now: () => number;
  /** Slack says hello: what happens is told here from now on. */
  readonly greeted: () => void;
  readonly received: (envelope: SocketEnvelope) => void;
  /** Slack is about to end it, and says why: `warning`, `refresh_requested`, `link_disabled` … */
  readonly warned: (reason: string) => void;
}

export interface SocketTimings {
  /** How often we ask for a sign of life. */
  readonly pingMs: number;
  /** How long none may come. */
  readonly silenceMs: number;
  /** After its first ping, how long Slack's next one may take. */
  readonly serverPingMs: number;
  /** Until Slack says hello. */
  readonly helloMs: number;
}

/**
 * A connection that answers nothing is noticed after 12 s, one on which Slack's own pings stop
 * (it sends them every few seconds, and its client library allows 30 s) after 27 s.
 * @see https://docs.slack.dev/apis/events-api/using-socket-mode
 */
export const SOCKET_TIMINGS: SocketTimings = {
  pingMs: 4_000,
  silenceMs: 12_000,
  serverPingMs: 25_000,
  helloMs: 10_000,
};

/** Connects. Never rejects: what goes wrong ends the connection. */
export const openSocketConnection = async (
  options: SocketConnectionOptions,
): Promise<SocketConnection> => {
  const { url, timings, log, now, greeted, received, warned } = options;
  let tellEnded = (_ending: SocketEnding): void => {};
  const ended = new Promise<SocketEnding>((resolve) => {
    tellEnded = resolve;
  });
  let socket: Socket | undefined;
  let isOver = false;
  let heardAt = now();
  let pingedAt: number | undefined;

  const end = (ending: SocketEnding): void => {
    if (isOver) return;
    isOver = true;
    clearInterval(watch);
    clearTimeout(hello);
    socket?.close();
    tellEnded(ending);
  };

  const look = (): void => {
    const silentMs = now() - heardAt;
    if (silentMs > timings.silenceMs) {
      end({ reason: `nothing heard for ${Math.round(silentMs / 1000)} s`, isDeaf: true });
    } else if (pingedAt !== undefined && now() - pingedAt > timings.serverPingMs) {
      end({ reason: "Slack's pings have stopped", isDeaf: true });
    } else socket?.ping();
  };

  const take = (text: string): void => {
    heardAt = now();
    const frame = readObject(text);
    const type = textIn(frame, "type");
    if (type === "hello") {
      clearTimeout(hello);
      greeted();
      return;
    }
    if (type === "disconnect") {
      warned(textIn(frame, "reason") ?? "unknown");
      return;
    }
    const id = textIn(frame, "envelope_id");
    const payload = frame?.payload;
    if (id === undefined || type === undefined || typeof payload !== "object" || !payload) {
      log.warn({ channel: CHANNEL, type: (type ?? "").slice(0, 64) }, "frame not understood");
      // What is acknowledged does not come for ever.
      if (id !== undefined) acknowledge(id, undefined);
      return;
    }
    received({ id, type, payload: payload as JsonObject });
  };

  const acknowledge = (envelopeId: string, answer: object | undefined): void => {
    socket?.send(JSON.stringify({ envelope_id: envelopeId, ...(answer && { payload: answer }) }));
  };

  const watch = setInterval(look, timings.pingMs);
  const hello = setTimeout(
    () => end({ reason: "no hello in time", isDeaf: false }),
    timings.helloMs,
  );
  socket = await openSocket(
    url,
    {},
    {
      opened: () => {
        heardAt = now();
      },
      received: take,
      pinged: () => {
        heardAt = now();
        pingedAt = heardAt;
      },
      ponged: () => {
        heardAt = now();
      },
      closed: (reason) => end({ reason, isDeaf: false }),
    },
  );
  if (isOver) socket.close();
  return { acknowledge, close: () => end({ reason: "closed by us", isDeaf: false }), ended };
};
