import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { STAYS_OPEN } from "./stays-open.ts";

/** A message as the API gives it back, with what only its author sees of it. */
export interface DiscordMessage {
  readonly id: string;
  readonly channel_id: string;
  readonly author: { readonly id: string; readonly username: string; readonly bot?: boolean };
  readonly timestamp: string;
  content: string;
  flags: number;
  embeds: readonly Readonly<Record<string, unknown>>[];
  components: readonly Readonly<Record<string, unknown>>[];
  attachments: readonly DiscordAttachment[];
  allowed_mentions?: unknown;
  nonce?: string;
  message_reference?: Readonly<Record<string, unknown>>;
  edits: number;
  [field: string]: unknown;
}

export interface DiscordAttachment {
  readonly id: string;
  readonly filename: string;
  readonly size: number;
  readonly url: string;
  readonly content_type?: string;
}

/** What goes wrong with one call. */
export type RestFault =
  /** 429; `isBare` leaves out the headers of a bucket, as a shared limit does. */
  | { readonly limitS: number; readonly isGlobal?: boolean; readonly isBare?: boolean }
  /** Refused with one of Discord's codes, e.g. 50013 with 403. */
  | { readonly status: number; readonly code: number }
  /** 5xx; with `isDone` the call was carried out all the same. */
  | { readonly status: number; readonly isDone?: boolean }
  /** Refused by something in front of Discord, with a page of its own. */
  | { readonly pageStatus: number }
  /** Never answered. */
  | { readonly hang: "done" | "lost" }
  /** The connection is cut. */
  | { readonly cut: "done" | "lost" }
  /** Carried out and answered, but only after so long. */
  | { readonly slowMs: number };

export interface RestCall {
  readonly method: string;
  /** Behind the version, with the query. */
  readonly route: string;
  /** The JSON that was sent, also where it came in a form. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly files: readonly { readonly name: string; readonly bytes: Buffer }[];
  readonly authorization: string | undefined;
  readonly at: number;
  status: number;
}

/** One that was sent out, with what became of it. */
export interface StandInInteraction {
  readonly payload: Readonly<Record<string, unknown>>;
  readonly id: string;
  readonly token: string;
  /** The callback that was posted; with an HTTP endpoint `answerByHttp` says it. */
  readonly callback: { readonly type: number; readonly data?: unknown } | undefined;
  /** What `@original` is just now; undefined before, or when it was deleted. */
  readonly original: DiscordMessage | undefined;
  /** The body of an HTTP response, as if it had been posted to the callback. */
  answerByHttp(callback: { readonly type: number; readonly data?: unknown }): void;
  /** Its token is no longer good: 15 minutes are over. */
  expire(): void;
}

/**
 * Stands in for Discord's REST API (version 10) and remembers what people saw. Nonces, buckets,
 * interaction tokens, threads and error codes behave as documented.
 * @see https://discord.com/developers/docs/reference
 */
export interface DiscordRest {
  /** For `channels.discord.api_base_url`. */
  readonly apiBaseUrl: string;
  readonly token: string;
  readonly applicationId: string;
  readonly botUser: { readonly id: string; readonly username: string; readonly bot: true };
  /** What `GET /gateway/bot` tells. */
  gatewayUrl: string;
  readonly calls: readonly RestCall[];
  /** Calls by method and route pattern, e.g. `POST /channels/:id/messages`. */
  callsOf(pattern: string): readonly RestCall[];
  /** The next calls that fit (`POST /channels/:id/messages`, or `*`) end like this, in order. */
  failNext(pattern: string, ...faults: readonly RestFault[]): void;
  /** Every call that fits ends like this from now on; undefined ends that. */
  failAlways(pattern: string, fault: RestFault | undefined): void;
  /** Everything that is in a channel, oldest first, ephemeral messages included. */
  messages(channelId: string): readonly DiscordMessage[];
  /** What the bot said in a channel. */
  said(channelId: string): readonly DiscordMessage[];
  /** Resolves once the bot has said so many things there and none of them is an empty announcement. */
  waitForSaid(
    channelId: string,
    count: number,
    timeoutMs?: number,
  ): Promise<readonly DiscordMessage[]>;
  /** Somebody writes something; it is what lists and threads know of. */
  write(channelId: string, message: Partial<DiscordMessage>): DiscordMessage;
  /** A person deletes a message. */
  remove(channelId: string, messageId: string): void;
  /** Channels that exist; an unknown one is 10003. Threads appear by themselves. */
  readonly channels: Map<string, Readonly<Record<string, unknown>>>;
  /** By guild and user: what `GET /guilds/:g/members/:u` says. */
  readonly members: Map<string, Map<string, Readonly<Record<string, unknown>>>>;
  /** Global commands. */
  commands: readonly Readonly<Record<string, unknown>>[];
  /** A new id, in order of time. */
  nextId(): string;
  /** An INTERACTION_CREATE of a person; `fields` replace or add to what is usual. */
  interact(fields: Readonly<Record<string, unknown>>): StandInInteraction;
  /** Serves a file as the CDN does; returns its URL below this server. */
  keep(name: string, bytes: Buffer): string;
  /** What was created, for a gateway to tell; called at once. */
  onMessage: ((message: DiscordMessage) => void) | undefined;
  /** What was created as a thread, likewise. */
  onThread: ((thread: Readonly<Record<string, unknown>>) => void) | undefined;
  readonly typing: readonly string[];
  close(): Promise<void>;
}

export interface DiscordRestOptions {
  readonly port?: number;
  /** Messages of one channel in a window; default none, as a server that sends no headers. */
  readonly bucket?: { readonly limit: number; readonly windowS: number };
  /** Whether lists say the nonce of what the bot wrote. Default false. */
  readonly listsNonces?: boolean;
  /** How long a nonce makes no second message. Default: 3 minutes. */
  readonly nonceMs?: number;
  readonly token?: string;
  readonly gatewayUrl?: string;
}

const DISCORD_EPOCH = 1_420_070_400_000n;
const NONCE_MS = 180_000;

interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Interaction {
  payload: Readonly<Record<string, unknown>>;
  id: string;
  token: string;
  channelId: string;
  clicked: DiscordMessage | undefined;
  callback: { readonly type: number; readonly data?: unknown } | undefined;
  original: DiscordMessage | undefined;
  /** A deferral that nothing has filled yet. */
  isThinking: boolean;
  isExpired: boolean;
}

const failure = (status: number, code: number, message = "refused"): Reply => ({
  status,
  body: { message, code },
});

export const startDiscordRest = async (options: DiscordRestOptions = {}): Promise<DiscordRest> => {
  const {
    token = "bot-token.of-the.stand-in",
    bucket,
    listsNonces = false,
    nonceMs = NONCE_MS,
  } = options;
  const applicationId = "900000000000000001";
  const botUser = { id: "900000000000000002", username: "clawgate", bot: true } as const;
  const calls: RestCall[] = [];
  const nextFaults: { pattern: string; fault: RestFault }[] = [];
  const lastingFaults = new Map<string, RestFault>();
  const rooms = new Map<string, DiscordMessage[]>();
  const channels = new Map<string, Readonly<Record<string, unknown>>>();
  const members = new Map<string, Map<string, Readonly<Record<string, unknown>>>>();
  const interactions = new Map<string, Interaction>();
  const nonces = new Map<string, { message: DiscordMessage; at: number }>();
  const windows = new Map<string, number[]>();
  const files = new Map<string, Buffer>();
  const typing: string[] = [];
  const watchers = new Set<() => void>();
  let globalUntil = 0;
  let sequence = 0n;

  const nextId = (): string => {
    sequence += 1n;
    return String(((BigInt(Date.now()) - DISCORD_EPOCH) << 22n) | (sequence & 0x3fffffn));
  };

  const changed = (): void => {
    for (const watcher of [...watchers]) watcher();
  };

  const roomOf = (channelId: string): DiscordMessage[] => {
    const room = rooms.get(channelId) ?? [];
    rooms.set(channelId, room);
    return room;
  };

  const attachmentsOf = (call: RestCall): readonly DiscordAttachment[] =>
    call.files.map(({ name, bytes }) => {
      const id = nextId();
      return { id, filename: name, size: bytes.length, url: keep(name, bytes) };
    });

  const keep = (name: string, bytes: Buffer): string => {
    const path = `/attachments/${nextId()}/${encodeURIComponent(name)}`;
    files.set(path, bytes);
    return `${origin}${path}`;
  };

  /** What makes a body no message: as the platform says it. */
  const refusalOf = (
    body: Readonly<Record<string, unknown>>,
    call: RestCall,
  ): Reply | undefined => {
    const { content, embeds, components, nonce } = body;
    const long = typeof content === "string" && [...content].length > 2000;
    if (long || (typeof nonce === "string" && nonce.length > 25)) return failure(400, 50035);
    const customIds = JSON.stringify(components ?? []).matchAll(/"custom_id":"((?:[^"\\]|\\.)*)"/g);
    if ([...customIds].some(([, id]) => (id ?? "").length > 100)) return failure(400, 50035);
    const isEmpty =
      (typeof content !== "string" || content.trim() === "") && call.files.length === 0;
    if (isEmpty && !(Array.isArray(embeds) && embeds.length > 0)) return failure(400, 50006);
    return undefined;
  };

  const create = (channelId: string, call: RestCall, more: Partial<DiscordMessage> = {}) => {
    const { body } = call;
    const message: DiscordMessage = {
      id: nextId(),
      channel_id: channelId,
      author: botUser,
      timestamp: new Date().toISOString(),
      content: String(body.content ?? ""),
      flags: Number(body.flags ?? 0),
      embeds: (body.embeds ?? []) as DiscordMessage["embeds"],
      components: (body.components ?? []) as DiscordMessage["components"],
      attachments: attachmentsOf(call),
      allowed_mentions: body.allowed_mentions,
      edits: 0,
      ...(typeof body.nonce === "string" && { nonce: body.nonce }),
      ...(body.message_reference !== undefined && {
        message_reference: body.message_reference as Record<string, unknown>,
      }),
      ...more,
    };
    roomOf(channelId).push(message);
    onMessage?.(message);
    changed();
    return message;
  };

  const edit = (message: DiscordMessage, call: RestCall): Reply => {
    const { body } = call;
    const after = { content: message.content, embeds: message.embeds, ...body };
    const kept = body.attachments === undefined ? message.attachments : [];
    const refusal = kept.length > 0 ? undefined : refusalOf(after, call);
    if (refusal) return refusal;
    if (typeof body.content === "string") message.content = body.content;
    if (typeof body.flags === "number") message.flags = body.flags;
    if (body.embeds) message.embeds = body.embeds as DiscordMessage["embeds"];
    if (body.components) message.components = body.components as DiscordMessage["components"];
    if ("allowed_mentions" in body) message.allowed_mentions = body.allowed_mentions;
    message.attachments = [...kept, ...attachmentsOf(call)];
    message.edits += 1;
    changed();
    return { status: 200, body: message };
  };

  const shown = (message: DiscordMessage): DiscordMessage => {
    const { nonce: _, ...rest } = message;
    return listsNonces ? message : (rest as DiscordMessage);
  };

  const postMessage = (channelId: string, call: RestCall): Reply => {
    const { body } = call;
    if (!channels.has(channelId)) return failure(404, 10003, "Unknown Channel");
    const refusal = refusalOf(body, call);
    if (refusal) return refusal;
    const key = `${channelId}/${String(body.nonce)}`;
    const earlier = body.enforce_nonce === true ? nonces.get(key) : undefined;
    if (earlier && Date.now() - earlier.at < nonceMs) return { status: 200, body: earlier.message };
    const message = create(channelId, call);
    if (body.nonce !== undefined) nonces.set(key, { message, at: Date.now() });
    return { status: 200, body: message };
  };

  const list = (channelId: string, query: URLSearchParams): Reply => {
    if (!channels.has(channelId)) return failure(404, 10003, "Unknown Channel");
    const limit = Number(query.get("limit") ?? 50);
    const after = query.get("after");
    const before = query.get("before");
    const visible = roomOf(channelId).filter(({ flags }) => (flags & 64) === 0);
    const found = visible.filter(
      ({ id }) =>
        (after === null || BigInt(id) > BigInt(after)) &&
        (before === null || BigInt(id) < BigInt(before)),
    );
    const page = after === null ? found.slice(-limit) : found.slice(0, limit);
    return { status: 200, body: [...page].reverse().map(shown) };
  };

  const startThread = (channelId: string, messageId: string, call: RestCall): Reply => {
    if (!roomOf(channelId).some(({ id }) => id === messageId)) return failure(404, 10008);
    if (channels.has(messageId)) return failure(400, 160004, "A thread has already been created");
    const { name } = call.body;
    if (typeof name !== "string" || name.length < 1 || name.length > 100)
      return failure(400, 50035);
    const thread = {
      ...{ id: messageId, type: 11, parent_id: channelId, name },
      guild_id: channels.get(channelId)?.guild_id,
    };
    channels.set(messageId, thread);
    onThread?.(thread);
    return { status: 201, body: thread };
  };

  const thinking = (interaction: Interaction, flags: number): void => {
    interaction.isThinking = true;
    interaction.original = {
      ...{ id: nextId(), channel_id: interaction.channelId, author: botUser },
      ...{ timestamp: new Date().toISOString(), content: "", flags: (flags & 64) | 128 },
      ...{ embeds: [], components: [], attachments: [], edits: 0 },
    };
    roomOf(interaction.channelId).push(interaction.original);
  };

  const respond = (
    interaction: Interaction,
    callback: { readonly type: number; readonly data?: unknown },
    call: RestCall,
  ): Reply => {
    if (interaction.isExpired) return failure(404, 10062, "Unknown interaction");
    if (interaction.callback)
      return failure(400, 40060, "Interaction has already been acknowledged");
    const data = (callback.data ?? {}) as Record<string, unknown>;
    if (callback.type === 4) {
      const refusal = refusalOf(data, call);
      if (refusal) return refusal;
    }
    interaction.callback = callback;
    if (callback.type === 5) thinking(interaction, Number(data.flags ?? 0));
    if (callback.type === 4) {
      interaction.original = create(interaction.channelId, { ...call, body: data });
    }
    if (callback.type === 6) interaction.original = interaction.clicked;
    if (callback.type === 7 && interaction.clicked) {
      edit(interaction.clicked, { ...call, body: data });
      interaction.original = interaction.clicked;
    }
    changed();
    return { status: 204 };
  };

  const fill = (interaction: Interaction, call: RestCall): Reply => {
    const { original } = interaction;
    if (!original) return failure(404, 10008, "Unknown Message");
    const answer = edit(original, call);
    if (answer.status === 200 && interaction.isThinking) {
      interaction.isThinking = false;
      original.flags &= ~128;
    }
    return answer;
  };

  const webhook = (route: readonly string[], call: RestCall): Reply => {
    const [, application, token = "", , id] = route;
    const interaction = [...interactions.values()].find((one) => one.token === token);
    if (!interaction || application !== applicationId)
      return failure(404, 10015, "Unknown Webhook");
    if (interaction.isExpired) return failure(401, 50027, "Invalid Webhook Token");
    if (!interaction.callback) return failure(404, 10015, "Unknown Webhook");
    if (call.method === "POST") {
      // The first follow-up of a deferral is the deferred message itself.
      if (interaction.isThinking) return fill(interaction, call);
      const refusal = refusalOf(call.body, call);
      return refusal ?? { status: 200, body: create(interaction.channelId, call) };
    }
    if (id !== "@original") {
      const message = roomOf(interaction.channelId).find((one) => one.id === id);
      if (!message) return failure(404, 10008);
      return call.method === "PATCH" ? edit(message, call) : { status: 200, body: message };
    }
    const { original } = interaction;
    if (!original) return failure(404, 10008, "Unknown Message");
    if (call.method === "PATCH") return fill(interaction, call);
    if (call.method === "GET") return { status: 200, body: original };
    remove(interaction.channelId, original.id);
    interaction.original = undefined;
    interaction.isThinking = false;
    return { status: 204 };
  };

  const remove = (channelId: string, messageId: string): void => {
    rooms.set(
      channelId,
      roomOf(channelId).filter(({ id }) => id !== messageId),
    );
    changed();
  };

  const channelRoute = (
    route: readonly string[],
    query: URLSearchParams,
    call: RestCall,
  ): Reply => {
    const [, channelId = "", kind, messageId, action] = route;
    const { method } = call;
    if (kind === undefined) {
      const channel = channels.get(channelId);
      return channel ? { status: 200, body: channel } : failure(404, 10003);
    }
    if (kind === "typing") {
      typing.push(channelId);
      return { status: 204 };
    }
    if (kind !== "messages") return failure(404, 0);
    if (messageId === undefined) {
      return method === "POST" ? postMessage(channelId, call) : list(channelId, query);
    }
    if (action === "threads") return startThread(channelId, messageId, call);
    const message = roomOf(channelId).find(({ id }) => id === messageId);
    if (!message) return failure(404, 10008, "Unknown Message");
    if (method === "GET") return { status: 200, body: shown(message) };
    if (message.author.id !== botUser.id) return failure(403, 50005);
    if (method === "PATCH") return edit(message, call);
    remove(channelId, messageId);
    return { status: 204 };
  };

  const guildRoute = ([, guildId = "", , userId = ""]: readonly string[]): Reply => {
    const people = members.get(guildId);
    if (!people) return failure(404, 10004, "Unknown Guild");
    const member = people.get(userId);
    return member ? { status: 200, body: member } : failure(404, 10007, "Unknown Member");
  };

  const answer = (path: string, query: URLSearchParams, call: RestCall): Reply => {
    const route = path.split("/").filter(Boolean);
    if (route[0] === "interactions") {
      const interaction = interactions.get(route[1] ?? "");
      if (!interaction || interaction.token !== route[2]) return failure(404, 10062);
      return respond(interaction, call.body as { type: number; data?: unknown }, call);
    }
    if (route[0] === "webhooks") return webhook(route, call);
    if (call.authorization !== `Bot ${token}`)
      return { status: 401, body: { message: "401: Unauthorized", code: 0 } };
    if (path === "/gateway/bot") {
      const limit = { total: 1000, remaining: 1000, reset_after: 0, max_concurrency: 1 };
      return { status: 200, body: { url: api.gatewayUrl, shards: 1, session_start_limit: limit } };
    }
    if (path === "/users/@me") return { status: 200, body: botUser };
    if (path === "/users/@me/channels") return openDirect(String(call.body.recipient_id));
    if (path === "/oauth2/applications/@me" || path === "/applications/@me") {
      return { status: 200, body: { id: applicationId, flags: 0 } };
    }
    if (path === `/applications/${applicationId}/commands`) {
      if (call.method === "PUT") {
        const wanted = call.body as unknown as readonly Record<string, unknown>[];
        api.commands = wanted.map((command) => ({
          ...{ id: nextId(), application_id: applicationId, version: nextId(), nsfw: false },
          ...{ default_member_permissions: null, dm_permission: true },
          ...command,
        }));
      }
      return { status: 200, body: api.commands };
    }
    if (route[0] === "channels") return channelRoute(route, query, call);
    if (route[0] === "guilds" && route[2] === "members") return guildRoute(route);
    return failure(404, 0, "404: Not Found");
  };

  const openDirect = (userId: string): Reply => {
    const known = [...channels.values()].find(({ recipient }) => recipient === userId);
    const channel = known ?? { id: nextId(), type: 1, recipient: userId };
    channels.set(String(channel.id), channel);
    return { status: 200, body: channel };
  };

  /** Counts a call into its channel's bucket; an answer where it is one too many. */
  const count = (path: string, method: string): Reply => {
    if (!bucket || !/^\/channels\/\d+\/messages/.test(path) || method === "GET")
      return { status: 0 };
    const key = path.split("/")[2] ?? "";
    const { limit, windowS } = bucket;
    const now = Date.now();
    const times = (windows.get(key) ?? []).filter((time) => time > now - windowS * 1000);
    const resetS = ((times[0] ?? now) + windowS * 1000 - now) / 1000;
    const headers = {
      "X-RateLimit-Limit": String(limit),
      "X-RateLimit-Remaining": String(Math.max(0, limit - times.length - 1)),
      "X-RateLimit-Reset-After": resetS.toFixed(3),
      "X-RateLimit-Reset": ((now + resetS * 1000) / 1000).toFixed(3),
      "X-RateLimit-Bucket": "messages",
    };
    if (times.length >= limit) return { ...tooMany(resetS, false, false), headers };
    windows.set(key, [...times, now]);
    return { status: 0, headers };
  };

  const tooMany = (seconds: number, isGlobal: boolean, isBare: boolean): Reply => ({
    status: 429,
    body: { message: "You are being rate limited.", retry_after: seconds, global: isGlobal },
    headers: {
      "Retry-After": String(Math.ceil(seconds * 1000) / 1000),
      "X-RateLimit-Scope": isGlobal ? "global" : isBare ? "shared" : "user",
      ...(isGlobal && { "X-RateLimit-Global": "true" }),
      ...(!isGlobal &&
        !isBare && {
          "X-RateLimit-Limit": "5",
          "X-RateLimit-Remaining": "0",
          "X-RateLimit-Reset-After": String(seconds),
        }),
    },
  });

  const faultOf = (method: string, path: string): RestFault | undefined => {
    const place = nextFaults.findIndex(({ pattern }) => fits(pattern, method, path));
    if (place >= 0) return nextFaults.splice(place, 1)[0]?.fault;
    return [...lastingFaults].find(([pattern]) => fits(pattern, method, path))?.[1];
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://stand-in");
    if (url.pathname.startsWith("/attachments/")) {
      const bytes = files.get(url.pathname);
      response.writeHead(bytes && !url.searchParams.has("expired") ? 200 : 404).end(bytes);
      return;
    }
    const path = url.pathname.replace(/^\/api\/v10/, "");
    const { body, files: uploaded } = await read(request);
    const method = request.method ?? "GET";
    const call: RestCall = {
      ...{ method, route: `${path}${url.search}`, body, files: uploaded, at: Date.now() },
      ...{ authorization: request.headers.authorization, status: 0 },
    };
    calls.push(call);
    const write = ({ status, body: sent, headers }: Reply): void => {
      call.status = status;
      const json = sent === undefined ? "" : JSON.stringify(sent);
      response.writeHead(status, {
        ...(json && { "content-type": "application/json" }),
        ...headers,
      });
      response.end(json);
    };
    const carryOut = () => answer(path, url.searchParams, call);
    if (Date.now() < globalUntil && !path.startsWith("/interactions/")) {
      return write(tooMany((globalUntil - Date.now()) / 1000, true, false));
    }
    const fault = faultOf(method, path);
    const counted = count(path, method);
    if (counted.status !== 0) return write(counted);
    if (!fault) return write({ ...carryOut(), headers: counted.headers ?? {} });
    if ("limitS" in fault) {
      if (fault.isGlobal) globalUntil = Date.now() + fault.limitS * 1000;
      return write(tooMany(fault.limitS, fault.isGlobal ?? false, fault.isBare ?? false));
    }
    if ("slowMs" in fault) {
      const done = carryOut();
      await delay(fault.slowMs);
      return write(done);
    }
    if ("pageStatus" in fault) {
      call.status = fault.pageStatus;
      response.writeHead(fault.pageStatus, { "content-type": "text/html" }).end("<p>Blocked</p>");
      return;
    }
    if ("hang" in fault) {
      if (fault.hang === "done") carryOut();
      return;
    }
    if ("cut" in fault) {
      if (fault.cut === "done") carryOut();
      request.socket.destroy();
      return;
    }
    if ("code" in fault) return write(failure(fault.status, fault.code));
    if (fault.isDone) carryOut();
    write({ status: fault.status, body: { message: "Internal Server Error", code: 0 } });
  };

  const server = createServer(STAYS_OPEN, (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let onMessage: DiscordRest["onMessage"];
  let onThread: DiscordRest["onThread"];

  const said = (channelId: string) =>
    roomOf(channelId).filter(
      ({ author, flags }) => author.id === botUser.id && (flags & 128) === 0,
    );

  const api: DiscordRest = {
    ...{ apiBaseUrl: `${origin}/api`, token, applicationId, botUser, calls, channels, members },
    ...{ gatewayUrl: options.gatewayUrl ?? "ws://127.0.0.1:1/gateway", commands: [], typing, keep },
    ...{ nextId, remove, said },
    get onMessage() {
      return onMessage;
    },
    set onMessage(listener) {
      onMessage = listener;
    },
    get onThread() {
      return onThread;
    },
    set onThread(listener) {
      onThread = listener;
    },
    callsOf: (pattern) =>
      calls.filter(({ method, route }) => fits(pattern, method, route.split("?")[0] ?? "")),
    failNext: (pattern, ...faults) =>
      void nextFaults.push(...faults.map((fault) => ({ pattern, fault }))),
    failAlways: (pattern, fault) => {
      if (fault) lastingFaults.set(pattern, fault);
      else lastingFaults.delete(pattern);
    },
    messages: (channelId) => roomOf(channelId),
    waitForSaid: (channelId, count, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(look);
          reject(new Error(`${said(channelId).length} of ${count} answers in ${timeoutMs} ms`));
        }, timeoutMs);
        const look = () => {
          if (said(channelId).length < count) return;
          clearTimeout(timer);
          watchers.delete(look);
          resolve(said(channelId));
        };
        watchers.add(look);
        look();
      }),
    write: (channelId, fields) => {
      if (!channels.has(channelId)) channels.set(channelId, { id: channelId, type: 0 });
      const message: DiscordMessage = {
        ...{ id: nextId(), channel_id: channelId, content: "", flags: 0, edits: 0 },
        ...{ author: { id: "700000000000000001", username: "tester" } },
        ...{ timestamp: new Date().toISOString(), embeds: [], components: [], attachments: [] },
        ...fields,
      };
      roomOf(channelId).push(message);
      return message;
    },
    interact: (fields) => {
      const id = nextId();
      const channelId = String(fields.channel_id ?? "800000000000000001");
      if (!channels.has(channelId)) channels.set(channelId, { id: channelId, type: 0 });
      const payload = {
        ...{ id, application_id: applicationId, token: `interaction-token-${id}`, version: 1 },
        ...{ channel_id: channelId, channel: channels.get(channelId), locale: "en-US" },
        ...{ type: 2, app_permissions: "0", entitlements: [], attachment_size_limit: 10_485_760 },
        ...{ authorizing_integration_owners: {}, context: 0 },
        ...fields,
      };
      const interaction: Interaction = {
        ...{ payload, id, token: payload.token, channelId, callback: undefined },
        ...{ original: undefined, isThinking: false, isExpired: false },
        clicked: roomOf(channelId).find(
          (message) => message.id === (fields.message as { id?: string } | undefined)?.id,
        ),
      };
      interactions.set(id, interaction);
      return {
        ...{ payload, id, token: payload.token },
        get callback() {
          return interaction.callback;
        },
        get original() {
          return interaction.original;
        },
        answerByHttp: (callback) =>
          void respond(interaction, callback, {
            ...{ method: "POST", route: "", body: {}, files: [], authorization: undefined },
            ...{ at: Date.now(), status: 200 },
          }),
        expire: () => {
          interaction.isExpired = true;
        },
      };
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return api;
};

/** `:id` stands for one segment, `:token` too. */
const fits = (pattern: string, method: string, path: string): boolean => {
  if (pattern === "*") return true;
  const [wantedMethod, wantedPath = ""] = pattern.split(" ");
  const wanted = wantedPath.split("/");
  const found = path.split("/");
  return (
    wantedMethod === method &&
    wanted.length === found.length &&
    wanted.every((segment, place) => segment.startsWith(":") || segment === found[place])
  );
};

const read = async (
  request: IncomingMessage,
): Promise<{ body: Readonly<Record<string, unknown>>; files: RestCall["files"] }> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  const type = request.headers["content-type"] ?? "";
  if (bytes.length === 0) return { body: {}, files: [] };
  if (!type.startsWith("multipart/form-data"))
    return { body: JSON.parse(bytes.toString()), files: [] };
  const form = await new Response(new Uint8Array(bytes), {
    headers: { "content-type": type },
  }).formData();
  const files: { name: string; bytes: Buffer }[] = [];
  for (const [key, value] of form) {
    if (typeof value === "string" || !key.startsWith("files[")) continue;
    files.push({ name: value.name, bytes: Buffer.from(await value.arrayBuffer()) });
  }
  return { body: JSON.parse(String(form.get("payload_json") ?? "{}")), files };
};
