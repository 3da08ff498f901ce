import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { STAYS_OPEN } from "./stays-open.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One call of the Web API, or one use of a response URL. */
export interface SlackCall {
  readonly method: string;
  readonly token: string;
  /** Nested values decoded. */
  readonly args: Fields;
  readonly atMs: number;
  readonly headers: IncomingMessage["headers"];
}

/** A message as a room holds it. */
export interface SlackMessage {
  readonly ts: string;
  readonly threadTs: string | undefined;
  text: string;
  /** What was said before it was changed. */
  readonly earlier: string[];
  readonly user: string;
  readonly botId: string | undefined;
  blocks: readonly Fields[];
  metadata: Fields | undefined;
  isStreaming: boolean;
  files: readonly Fields[];
  isDeleted: boolean;
}

/** What goes wrong with a call; `commit` = it is done all the same. */
export type SlackFault =
  | { readonly kind: "limited"; readonly retryAfterS?: number | string }
  | { readonly kind: "status"; readonly status: number; readonly commit?: boolean }
  | { readonly kind: "error"; readonly error: string; readonly commit?: boolean }
  | { readonly kind: "hang"; readonly commit?: boolean }
  | { readonly kind: "drop"; readonly commit?: boolean }
  | { readonly kind: "page"; readonly commit?: boolean }
  | { readonly kind: "delay"; readonly until: Promise<void> };

/** A stand-in for Slack's Web API, its files and its response URLs, as the protocol guide tells. */
export interface SlackApi {
  /** With the path of the API and a slash behind it. */
  readonly baseUrl: string;
  readonly origin: string;
  readonly calls: readonly SlackCall[];
  /** What was said by response URL, in order. */
  readonly responses: readonly { readonly url: string; readonly message: Fields }[];
  /** What people see of it: without what was replaced. */
  shownBy(url: string): readonly Fields[];
  readonly uploads: ReadonlyMap<string, Buffer>;
  /** Installs the app: the token works from now on. */
  install(teamId: string, bot?: Partial<Bot>): Bot;
  revoke(token: string): void;
  /** Rooms that exist; without one every well-formed id does. */
  room(channelId: string, room: Room): void;
  /** A person's message, as it lies in the room; its time stamp. */
  say(channelId: string, text: string, threadTs?: string): string;
  /** Of a room, or of one thread in it without its root; what was deleted is left out. */
  messages(channelId: string, threadTs?: string): readonly SlackMessage[];
  callsOf(method: string): readonly SlackCall[];
  /** The next calls of a method, or of those in one room, go wrong. */
  fail(method: string, fault: SlackFault, times?: number, channelId?: string): void;
  /** Answers a method in place of the stand-in, or one that it does not know. */
  on(method: string, answer: (args: Fields, token: string) => Fields | Promise<Fields>): void;
  responseUrl(uses?: number): string;
  /** Puts a file where people keep theirs; the address that its message names. */
  file(bytes: Buffer, options?: ServedFile): string;
  /** Parts of answers that are in their room more than once. */
  duplicates(): readonly string[];
  close(): Promise<void>;
}

export interface Bot {
  readonly token: string;
  readonly teamId: string;
  readonly userId: string;
  readonly botId: string;
  /** What the token may not do: methods that answer `missing_scope`. */
  readonly lacks: readonly string[];
}

export interface Room {
  /** What posting to it answers, e.g. `is_archived`. */
  readonly error?: string;
}

export interface ServedFile {
  readonly contentType?: string;
  readonly name?: string;
  /** Answered with a redirect to there. */
  readonly redirect?: string;
}

class Refused extends Error {}

/** Starts it on a free port of the loopback. */
export const startSlackApi = async (): Promise<SlackApi> => {
  const bots = new Map<string, Bot>();
  const rooms = new Map<string, Room>();
  const byRoom = new Map<string, SlackMessage[]>();
  const calls: SlackCall[] = [];
  const faults: { method: string; channelId: string | undefined; fault: SlackFault }[] = [];
  const handlers = new Map<string, (args: Fields, token: string) => Fields | Promise<Fields>>();
  const responses: { url: string; message: Fields }[] = [];
  const shown = new Map<string, Fields[]>();
  const uses = new Map<string, number>();
  const uploads = new Map<string, Buffer>();
  const served = new Map<string, { bytes: Buffer; options: ServedFile }>();
  const epoch = Math.floor(Date.now() / 1000);
  let counter = 0;

  const nextTs = (): string => {
    counter += 1;
    return `${epoch + Math.floor(counter / 1_000_000)}.${String(counter % 1_000_000).padStart(6, "0")}`;
  };
  const nextId = (letter: string): string =>
    letter + randomBytes(5).toString("hex").toUpperCase().slice(0, 10);
  const roomOf = (channelId: string): SlackMessage[] => {
    const messages = byRoom.get(channelId) ?? [];
    byRoom.set(channelId, messages);
    return messages;
  };
  const text = (args: Fields, name: string): string => {
    const value = args[name];
    return typeof value === "string" ? value : "";
  };

  const add = (args: Fields, bot: Bot, more: Partial<SlackMessage> = {}): SlackMessage => {
    const threadTs = text(args, "thread_ts") || undefined;
    const message: SlackMessage = {
      ts: nextTs(),
      threadTs,
      text: text(args, "text"),
      earlier: [],
      user: bot.userId,
      botId: bot.botId,
      blocks: listOf(args.blocks),
      metadata: objectOf(args.metadata),
      isStreaming: false,
      files: [],
      isDeleted: false,
      ...more,
    };
    roomOf(text(args, "channel")).push(message);
    return message;
  };

  const found = (args: Fields): SlackMessage => {
    const message = roomOf(text(args, "channel")).find(({ ts }) => ts === args.ts);
    if (!message || message.isDeleted) throw new Refused("message_not_found");
    return message;
  };

  const mayPost = (args: Fields): void => {
    const channel = text(args, "channel") || text(args, "channel_id");
    if (!/^[CDGUW][A-Z0-9]{2,}$/.test(channel)) throw new Refused("channel_not_found");
    const error = rooms.get(channel)?.error;
    if (error !== undefined) throw new Refused(error);
    const threadTs = text(args, "thread_ts");
    const roots = byRoom.get(channel) ?? [];
    const isReply = roots.some((each) => each.ts === threadTs && each.threadTs !== undefined);
    if (threadTs !== "" && isReply) throw new Refused("cannot_reply_to_message");
  };

  const mustSay = (args: Fields): void => {
    const isEmpty = text(args, "text").trim() === "" && listOf(args.blocks).length === 0;
    if (isEmpty && text(args, "markdown_text") === "") throw new Refused("no_text");
    if (text(args, "text").length > 40_000) throw new Refused("msg_too_long");
    if (listOf(args.blocks).length > 50) throw new Refused("invalid_blocks");
  };

  const asRead = (channel: string, message: SlackMessage, withMetadata: boolean): Fields => ({
    type: "message",
    channel,
    ts: message.ts,
    text: message.text,
    user: message.user,
    ...(message.botId !== undefined && { bot_id: message.botId }),
    ...(message.threadTs !== undefined && { thread_ts: message.threadTs }),
    ...(message.files.length > 0 && { files: message.files }),
    ...(withMetadata && message.metadata !== undefined && { metadata: message.metadata }),
  });

  const page = (args: Fields, messages: readonly SlackMessage[]): Fields => {
    const oldest = text(args, "oldest");
    const limit = Number(args.limit ?? 100);
    const from = Number(args.cursor ?? 0);
    const isWanted = ({ ts, isDeleted }: SlackMessage) =>
      !isDeleted && (oldest === "" || ts > oldest);
    const wanted = messages.filter(isWanted);
    const withMetadata = String(args.include_all_metadata) === "true";
    const channel = text(args, "channel");
    const next = from + limit < wanted.length ? String(from + limit) : "";
    return {
      messages: wanted.slice(from, from + limit).map((each) => asRead(channel, each, withMetadata)),
      has_more: next !== "",
      response_metadata: { next_cursor: next },
    };
  };

  const streamed = (args: Fields): string =>
    text(args, "markdown_text") +
    listOf(args.chunks)
      .map((chunk) => (chunk.type === "markdown_text" ? text(chunk, "text") : ""))
      .join("");

  const methods: Record<string, (args: Fields, bot: Bot) => Fields> = {
    "auth.test": (_, bot) => ({
      url: "https://example.slack.com/",
      team: "Example",
      user: "clawgate",
      team_id: bot.teamId,
      user_id: bot.userId,
      bot_id: bot.botId,
    }),
    "chat.postMessage": (args, bot) => {
      mayPost(args);
      mustSay(args);
      // To a person: posting opens the direct chat with them.
      const channel = text(args, "channel").replace(/^[UW]/, "D");
      const message = add({ ...args, channel }, bot);
      return { channel, ts: message.ts, message: asRead(channel, message, true) };
    },
    "chat.postEphemeral": (args) => {
      mayPost(args);
      mustSay(args);
      return { message_ts: nextTs() };
    },
    "chat.update": (args) => {
      mustSay(args);
      const message = found(args);
      if (message.isStreaming) throw new Refused("streaming_state_conflict");
      if (message.botId === undefined) throw new Refused("cant_update_message");
      message.earlier.push(message.text);
      message.text = text(args, "text");
      if (args.blocks !== undefined) message.blocks = listOf(args.blocks);
      if (args.metadata !== undefined) message.metadata = objectOf(args.metadata);
      return { channel: args.channel, ts: message.ts, text: message.text };
    },
    "chat.delete": (args) => {
      found(args).isDeleted = true;
      return { channel: args.channel, ts: args.ts };
    },
    "chat.startStream": (args, bot) => {
      mayPost(args);
      if (text(args, "thread_ts") === "") throw new Refused("invalid_arguments");
      const isDirect = text(args, "channel").startsWith("D");
      if (!isDirect && !args.recipient_user_id) throw new Refused("missing_recipient_user_id");
      if (!isDirect && !args.recipient_team_id) throw new Refused("missing_recipient_team_id");
      const message = add(args, bot, { text: streamed(args), isStreaming: true });
      return { channel: args.channel, ts: message.ts };
    },
    "chat.appendStream": (args) => {
      const message = found(args);
      if (!message.isStreaming) throw new Refused("message_not_in_streaming_state");
      message.earlier.push(message.text);
      message.text += streamed(args);
      return { channel: args.channel, ts: message.ts };
    },
    "chat.stopStream": (args) => {
      const message = found(args);
      if (!message.isStreaming) throw new Refused("message_not_in_streaming_state");
      message.isStreaming = false;
      message.text += streamed(args);
      if (args.metadata !== undefined) message.metadata = objectOf(args.metadata);
      return { channel: args.channel, ts: message.ts };
    },
    "conversations.history": (args) => {
      if (/^[UW]/.test(text(args, "channel"))) throw new Refused("channel_not_found");
      const top = roomOf(text(args, "channel")).filter(({ threadTs }) => threadTs === undefined);
      return page(args, top.toReversed());
    },
    "conversations.replies": (args) => {
      const all = roomOf(text(args, "channel"));
      const thread = all.filter(({ ts, threadTs }) => ts === args.ts || threadTs === args.ts);
      if (thread.length === 0) throw new Refused("thread_not_found");
      return page(args, thread);
    },
    "conversations.open": (args) => {
      const users = text(args, "users");
      if (!/^[UW][A-Z0-9]+$/.test(users)) throw new Refused("user_not_found");
      return { channel: { id: `D${users.slice(1)}` } };
    },
    "conversations.info": (args) => ({ channel: { id: args.channel, is_member: true } }),
    "users.info": (args, bot) => ({
      user: { id: args.user, team_id: bot.teamId, name: "someone", is_bot: false, deleted: false },
    }),
    "files.info": (args) => ({
      file: { id: args.file, url_private_download: `${origin}/files-pri/${text(args, "file")}` },
    }),
    "files.getUploadURLExternal": (args) => {
      if (!(Number(args.length) > 0)) throw new Refused("invalid_arguments");
      const id = nextId("F");
      return { upload_url: `${origin}/upload/v1/${id}`, file_id: id };
    },
    "files.completeUploadExternal": (args, bot) => {
      mayPost(args);
      const files = listOf(args.files);
      if (!files.every(({ id }) => uploads.has(String(id)))) throw new Refused("file_not_found");
      add({ ...args, channel: args.channel_id }, bot, {
        files,
        text: text(args, "initial_comment"),
      });
      return { files };
    },
    "assistant.threads.setStatus": () => ({}),
    "assistant.threads.setTitle": () => ({}),
    "assistant.threads.setSuggestedPrompts": () => ({}),
    "reactions.add": () => ({}),
    "views.open": () => ({ view: { id: nextId("V") } }),
  };

  const run = async (method: string, args: Fields, token: string): Promise<Fields> => {
    const own = handlers.get(method);
    if (own) return { ok: true, ...(await own(args, token)) };
    if (token === "") return { ok: false, error: "not_authed" };
    const bot = bots.get(token);
    if (!bot) return { ok: false, error: "invalid_auth" };
    const handler = methods[method];
    if (!handler) return { ok: false, error: "unknown_method" };
    if (bot.lacks.includes(method)) {
      return { ok: false, error: "missing_scope", needed: "some:scope", provided: "chat:write" };
    }
    try {
      return { ok: true, ...handler(args, bot) };
    } catch (error) {
      if (error instanceof Refused) return { ok: false, error: error.message };
      throw error;
    }
  };

  const takeFault = (method: string, args: Fields): SlackFault | undefined => {
    const room = args.channel ?? args.channel_id;
    const at = faults.findIndex(
      (each) => each.method === method && (each.channelId ?? room) === room,
    );
    return at < 0 ? undefined : faults.splice(at, 1)[0]?.fault;
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bytesOf(request);
    const url = new URL(request.url ?? "/", origin);
    const [, area = "", name = "", id = ""] = url.pathname.split("/");
    if (area === "upload") {
      if (!takeFaultFor("upload", response)) return;
      uploads.set(id, body);
      return void response.end("OK");
    }
    if (area === "files-pri") return serve(request, response, name);
    const token = (request.headers.authorization ?? "").replace(/^Bearer /, "");
    const isResponse = area === "response";
    const method = isResponse ? "response_url" : name;
    const args = readArgs(request, body);
    const atMs = Date.now();
    calls.push({ method, token, args, atMs, headers: request.headers });
    const act = () => (isResponse ? respond(url.href, args) : run(method, args, token));
    const fault = takeFault(method, args);
    if (fault?.kind === "delay") await fault.until;
    const commits = fault && "commit" in fault && fault.commit === true;
    const isDone = !fault || fault.kind === "delay" || commits;
    const answer = isDone ? await act() : undefined;
    switch (fault?.kind) {
      case "limited": {
        const { retryAfterS } = fault;
        const headers = retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) };
        return answerJson(response, 429, { ok: false, error: "ratelimited" }, headers);
      }
      case "status":
        return answerJson(response, fault.status, {});
      case "error":
        return answerJson(response, 200, { ok: false, error: fault.error });
      case "hang":
        return;
      case "drop":
        return void request.socket.destroy();
      case "page":
        response.writeHead(200, { "content-type": "text/html" });
        return void response.end("<html><body>Sign in to continue</body></html>");
    }
    const status = isResponse && answer?.ok === false ? 404 : 200;
    answerJson(response, status, answer ?? {});
  };

  const takeFaultFor = (method: string, response: ServerResponse): boolean => {
    const fault = takeFault(method, {});
    if (fault?.kind === "status") response.writeHead(fault.status).end();
    else if (fault?.kind === "page") response.end("<html>");
    else if (fault) response.destroy();
    return !fault;
  };

  const respond = (url: string, message: Fields): Fields => {
    const left = uses.get(url) ?? 0;
    if (left === 0) return { ok: false, error: "used_url" };
    uses.set(url, left - 1);
    responses.push({ url, message });
    const before = shown.get(url) ?? [];
    shown.set(url, [
      ...(message.replace_original === true ? before.slice(0, -1) : before),
      message,
    ]);
    return { ok: true };
  };

  const serve = (request: IncomingMessage, response: ServerResponse, name: string): void => {
    const file = served.get(name);
    calls.push({
      method: "file",
      token: (request.headers.authorization ?? "").replace(/^Bearer /, ""),
      args: { name },
      atMs: Date.now(),
      headers: request.headers,
    });
    if (!file) return void response.writeHead(404).end();
    const { redirect, contentType = "application/octet-stream" } = file.options;
    if (redirect !== undefined) return void response.writeHead(302, { location: redirect }).end();
    const isAllowed = bots.has((request.headers.authorization ?? "").replace(/^Bearer /, ""));
    if (!isAllowed) {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
      return void response.end("<!DOCTYPE html><title>Slack</title>Sign in");
    }
    const disposition = `attachment; filename="${file.options.name ?? name}"`;
    response.writeHead(200, { "content-type": contentType, "content-disposition": disposition });
    response.end(file.bytes);
  };

  const server = createServer(STAYS_OPEN, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    baseUrl: `${origin}/api/`,
    origin,
    calls,
    responses,
    shownBy: (url) => shown.get(url) ?? [],
    uploads,
    install: (teamId, options = {}) => {
      const bot: Bot = {
        token: `xoxb-${randomBytes(8).toString("hex")}`,
        teamId,
        userId: nextId("U"),
        botId: nextId("B"),
        lacks: [],
        ...options,
      };
      bots.set(bot.token, bot);
      return bot;
    },
    revoke: (token) => void bots.delete(token),
    room: (channelId, room) => void rooms.set(channelId, room),
    say: (channelId, said, threadTs) => {
      const person = { token: "", teamId: "", userId: "U0PERSON00", botId: "", lacks: [] };
      const args = { channel: channelId, text: said, ...(threadTs && { thread_ts: threadTs }) };
      return add(args, person, { botId: undefined }).ts;
    },
    messages: (channelId, threadTs) =>
      (byRoom.get(channelId) ?? []).filter(
        (each) => !each.isDeleted && (threadTs === undefined || each.threadTs === threadTs),
      ),
    callsOf: (method) => calls.filter((each) => each.method === method),
    fail: (method, fault, times = 1, channelId = undefined) => {
      for (let time = 0; time < times; time++) faults.push({ method, channelId, fault });
    },
    on: (method, answer) => void handlers.set(method, answer),
    responseUrl: (most = 5) => {
      const url = `${origin}/response/${randomBytes(8).toString("hex")}`;
      uses.set(url, most);
      return url;
    },
    file: (bytes, options = {}) => {
      const name = `${nextId("F")}`;
      served.set(name, { bytes, options });
      return `${origin}/files-pri/${name}`;
    },
    duplicates: () => {
      const seen = new Map<string, number>();
      for (const [channelId, messages] of byRoom) {
        for (const { metadata, isDeleted } of messages) {
          const id = objectOf(metadata?.event_payload)?.id;
          if (isDeleted || typeof id !== "string") continue;
          const key = `${channelId}/${id}`;
          seen.set(key, (seen.get(key) ?? 0) + 1);
        }
      }
      return [...seen].flatMap(([key, times]) => (times > 1 ? [key] : []));
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const bytesOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Arguments come as a form, whose nested values are JSON, or as JSON. */
const readArgs = (request: IncomingMessage, body: Buffer): Fields => {
  const content = body.toString("utf8");
  if (/json/.test(request.headers["content-type"] ?? "")) {
    return objectOf(JSON.parse(content || "{}")) ?? {};
  }
  return Object.fromEntries(
    [...new URLSearchParams(content)].map(([name, value]) => [
      name,
      NESTED.has(name) ? JSON.parse(value) : value,
    ]),
  );
};

const NESTED = new Set(["blocks", "metadata", "files", "chunks", "view", "attachments", "prompts"]);

const objectOf = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null ? (value as Fields) : undefined;

const listOf = (value: unknown): readonly Fields[] =>
  Array.isArray(value) ? value.map(objectOf).filter((each) => each !== undefined) : [];

const answerJson = (
  response: ServerResponse,
  status: number,
  body: Fields,
  headers: Readonly<Record<string, string>> = {},
): void => {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(JSON.stringify(body));
};
