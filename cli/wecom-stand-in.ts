import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { WecomApp } from "../channels/wecom/types.ts";

/** Takes the place of the WeCom API while it is open. */
export interface StandIn {
  /**
   * The texts sent to one user that belong together: until the gateway has been quiet for as long
   * as it could be between two of them. Undefined when the first did not come before the deadline.
   */
  collect(userId: string, deadline: AbortSignal): Promise<Collected | undefined>;
  close(): Promise<void>;
}

interface Collected {
  readonly parts: readonly string[];
  /** By `performance.now()`. */
  readonly lastAt: number;
}

// Parts bear no marks, so the end of an answer can only be told from silence. The splitter fills a
// part at least by half, and cuts in a text with spaces after one unless the part is full: what is
// shorter, or ends in a word, is all but surely the last.
const HALF_PART_BYTES = 1024;
const FULL_PART_BYTES = 2040;
const IN_WORD = /[\p{sc=Latin}\p{N}.!?:)\]`*_]$/u;
const QUIET_AFTER_LAST_MS = 400;
const QUIET_MS = 1_500;
// One person gets 30 messages a minute, earlier ones included: then the gateway waits that long.
const PACED_FROM_PARTS = 5;
const QUIET_WHEN_PACED_MS = 65_000;
const LOOK_EVERY_MS = 25;

/** Listens where the gateway looks for the API; waits for the port until the deadline. */
export const startStandIn = async (
  app: WecomApp,
  url: URL,
  notice: (line: string) => void,
  deadline: AbortSignal,
): Promise<StandIn | "busy"> => {
  const token = randomBytes(32).toString("base64url");
  const sent: { readonly userId: string; readonly text: string; readonly at: number }[] = [];
  const checked = new Set<string>();
  const prefix = url.pathname.replace(/\/+$/, "");

  const send = (json: string): object => {
    const body = JSON.parse(json) as {
      touser?: unknown;
      text?: { content?: unknown };
      enable_duplicate_check?: unknown;
    };
    if (typeof body.touser !== "string" || typeof body.text?.content !== "string") {
      return { errcode: 40035, errmsg: "invalid parameter" };
    }
    if (body.enable_duplicate_check === 1 && checked.has(json)) return OK;
    checked.add(json);
    sent.push({ userId: body.touser, text: body.text.content, at: performance.now() });
    return OK;
  };

  const answer = async (request: IncomingMessage): Promise<object | undefined> => {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    const json = await readAll(request);
    if (pathname === `${prefix}/cgi-bin/gettoken`) {
      const isKnown =
        searchParams.get("corpid") === app.corp_id && searchParams.get("corpsecret") === app.secret;
      return isKnown
        ? { ...OK, access_token: token, expires_in: 7200 }
        : { errcode: 40001, errmsg: "invalid credential" };
    }
    if (pathname !== `${prefix}/cgi-bin/message/send`) return undefined;
    // A token of an earlier simulation: the gateway fetches a new one, as it would from WeCom.
    if (searchParams.get("access_token") !== token) {
      return { errcode: 40014, errmsg: "invalid access_token" };
    }
    return send(json);
  };

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    answer(request)
      .then((value) => {
        response.writeHead(value ? 200 : 404, { "content-type": "application/json" });
        response.end(value && JSON.stringify(value));
      })
      .catch(() => response.destroy());
  });
  if (!(await listen(server, url, notice, deadline))) return "busy";

  const take = (userId: string): Collected | undefined => {
    const own = sent.filter((entry) => entry.userId === userId);
    const last = own.at(-1);
    if (!last) return undefined;
    return { parts: own.map((entry) => entry.text), lastAt: last.at };
  };

  return {
    collect: async (userId, until) => {
      let isNoticed = false;
      for (;;) {
        const collected = take(userId);
        if (collected) {
          const quietForMs = performance.now() - collected.lastAt;
          if (quietForMs >= quietMs(collected.parts)) return collected;
          if (quietForMs >= QUIET_MS && !isNoticed) {
            isNoticed = true;
            notice(
              `${collected.parts.length} parts so far. One person gets 30 messages a minute, so ` +
                `more may come: waiting up to ${QUIET_WHEN_PACED_MS / 1000} s for the next`,
            );
          }
        } else if (until.aborted) {
          return undefined;
        }
        await delay(LOOK_EVERY_MS);
      }
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const OK = { errcode: 0, errmsg: "ok" };

const quietMs = (parts: readonly string[]): number => {
  const last = parts.at(-1) ?? "";
  const size = Buffer.byteLength(last);
  if (size < HALF_PART_BYTES || (size < FULL_PART_BYTES && IN_WORD.test(last))) {
    return QUIET_AFTER_LAST_MS;
  }
  return parts.length < PACED_FROM_PARTS ? QUIET_MS : QUIET_WHEN_PACED_MS;
};

/** False when the port was taken until the deadline. */
const listen = async (
  server: Server,
  url: URL,
  notice: (line: string) => void,
  deadline: AbortSignal,
): Promise<boolean> => {
  let isNoticed = false;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  while (!deadline.aborted) {
    try {
      server.listen(Number(url.port || 80), host);
      await once(server, "listening");
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      if (!isNoticed)
        notice(`${url.host} is in use, perhaps by another simulation: waiting for it`);
      isNoticed = true;
      await delay(100);
    }
  }
  return false;
};

const readAll = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
};
