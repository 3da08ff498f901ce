import { createCipheriv, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { WecomApp } from "../channels/wecom/types.ts";
import { createSentMessages, type SentMessages } from "./wecom-sent.ts";
import { cardText, shownText } from "./wecom-shown.ts";

/** Takes the place of the WeCom API while it is open. */
export interface StandIn extends Pick<SentMessages, "collect"> {
  close(): Promise<void>;
}

/** What the stand-in has and does beyond taking messages. */
export interface StandInOptions {
  /** A file that the member sends, to be fetched by its id. */
  readonly media?: MediaFile;
  /** The errcodes that the next calls of message/send, or answers to a bot's response URL, are answered with. */
  readonly faults?: readonly number[];
  /** What a bot's callback leads to here. */
  readonly bot?: BotSide;
}

/** The two addresses that a bot's callback brings along. */
export interface BotSide {
  /** Whoever knows it answers once. */
  readonly responseCode: string;
  /** Whom it answers. */
  readonly userId: string;
  /** Opens the file that comes along. */
  readonly encodingAesKey: string;
}

interface MediaFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: Buffer;
}

/** Listens where the gateway looks for the API; waits for the port until the deadline. */
export const startStandIn = async (
  app: Pick<WecomApp, "corp_id" | "secret"> | undefined,
  url: URL,
  notice: (line: string) => void,
  deadline: AbortSignal,
  { media, faults = [], bot }: StandInOptions = {},
): Promise<StandIn | "busy"> => {
  const token = randomBytes(32).toString("base64url");
  const sent = createSentMessages(notice);
  const checked = new Set<string>();
  const prefix = url.pathname.replace(/\/+$/, "");

  const files = new Map(media && [[media.id, media]]);
  const remainingFaults = [...faults];

  const send = (json: string): object => {
    const body = JSON.parse(json) as Readonly<Record<string, unknown>>;
    const text = shownText(body, (id) => files.get(id)?.name);
    if (typeof body.touser !== "string" || text === undefined) {
      return { errcode: 40035, errmsg: "invalid parameter" };
    }
    if (body.enable_duplicate_check === 1 && checked.has(json)) return OK;
    checked.add(json);
    const isText = body.msgtype === "text";
    sent.add(body.touser, text, isText);
    return OK;
  };

  const updateCard = (json: string): object => {
    const { userids, template_card: card } = JSON.parse(json) as Record<string, unknown>;
    if (typeof card !== "object" || card === null) return { errcode: 40035, errmsg: "no card" };
    const text = `[the card is now]\n${cardText(card as Readonly<Record<string, unknown>>)}`;
    for (const userId of Array.isArray(userids) ? userids : []) {
      sent.add(String(userId), text, false);
    }
    return OK;
  };

  const upload = async (bytes: Buffer, contentType: string): Promise<object> => {
    const headers = { "content-type": contentType };
    const form = await new Response(new Uint8Array(bytes), { headers }).formData();
    const file = form.get("media");
    if (!(file instanceof File)) return { errcode: 44001, errmsg: "empty media" };
    const id = randomBytes(16).toString("hex");
    files.set(id, { id, name: file.name, bytes: Buffer.from(await file.arrayBuffer()) });
    return { ...OK, type: "file", media_id: id, created_at: String(Date.now()) };
  };

  /** One answer by the response URL, which works once. */
  let isAnswered = false;
  const respond = (code: string | null, json: string): object => {
    if (!bot || code !== bot.responseCode || isAnswered) {
      return { errcode: 600039, errmsg: "invalid response code" };
    }
    const text = shownText(JSON.parse(json) as Readonly<Record<string, unknown>>, () => undefined);
    if (text === undefined) return { errcode: 40035, errmsg: "invalid parameter" };
    isAnswered = true;
    sent.add(bot.userId, text, false);
    return OK;
  };

  const fault = (): object | undefined => {
    const errcode = remainingFaults.shift();
    return errcode === undefined ? undefined : { errcode, errmsg: "as --fault asks for" };
  };

  const answer = async (request: IncomingMessage): Promise<object | MediaFile | undefined> => {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    const bytes = await readAll(request);
    if (!pathname.startsWith(`${prefix}/cgi-bin/`)) return undefined;
    const api = pathname.slice(`${prefix}/cgi-bin/`.length);
    if (api === "gettoken") {
      const isKnown =
        app !== undefined &&
        searchParams.get("corpid") === app.corp_id &&
        searchParams.get("corpsecret") === app.secret;
      return isKnown
        ? { ...OK, access_token: token, expires_in: 7200 }
        : { errcode: 40001, errmsg: "invalid credential" };
    }
    // These two bear what opens them in their own addresses.
    if (api === "aibot/response") {
      const code = searchParams.get("response_code");
      return fault() ?? respond(code, bytes.toString("utf8"));
    }
    if (api === "aibot/media") {
      return bot && media && { ...media, bytes: encrypted(media.bytes, bot.encodingAesKey) };
    }
    // A token of an earlier simulation: the gateway fetches a new one, as it would from WeCom.
    if (searchParams.get("access_token") !== token) {
      return { errcode: 40014, errmsg: "invalid access_token" };
    }
    switch (api) {
      case "message/send":
        return fault() ?? send(bytes.toString("utf8"));
      case "message/update_template_card":
        return updateCard(bytes.toString("utf8"));
      case "media/upload":
        return upload(bytes, request.headers["content-type"] ?? "");
      case "media/get":
        return (
          files.get(searchParams.get("media_id") ?? "") ?? {
            errcode: 40007,
            errmsg: "no such media",
          }
        );
      case "user/get":
        // Everybody is active here, in a department without sub-departments.
        return { ...OK, userid: searchParams.get("userid"), name: "", department: [1], status: 1 };
      case "department/list":
        return { ...OK, department: [{ id: 1, name: "Simulated", parentid: 0 }] };
      default:
        return undefined;
    }
  };

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    answer(request)
      .then((value) => {
        if (value && "bytes" in value) {
          const disposition = `attachment; filename="${encodeURIComponent(value.name)}"`;
          response.writeHead(200, {
            "content-type": "application/octet-stream",
            "content-disposition": disposition,
          });
          response.end(value.bytes);
          return;
        }
        response.writeHead(value ? 200 : 404, { "content-type": "application/json" });
        response.end(value && JSON.stringify(value));
      })
      .catch(() => response.destroy());
  });
  if (!(await listen(server, url, notice, deadline))) return "busy";

  return {
    collect: sent.collect,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const OK = { errcode: 0, errmsg: "ok" };

/** A bot's files lie encrypted, padded to 32 bytes. https://developer.work.weixin.qq.com/document/path/100719 */
const encrypted = (bytes: Buffer, encodingAesKey: string): Buffer => {
  const key = Buffer.from(encodingAesKey, "base64");
  const padding = 32 - (bytes.length % 32);
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([bytes, Buffer.alloc(padding, padding)]);
  return Buffer.concat([cipher.update(padded), cipher.final()]);
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

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};
