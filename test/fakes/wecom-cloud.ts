import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { STAYS_OPEN } from "./stays-open.ts";
import {
  type CloudApp,
  callbackRequest,
  type Forgery,
  openPassiveReply,
  type SignedRequest,
  textMessage,
  verificationQuery,
} from "./wecom-envelope.ts";

/** Something that appeared on a user's screen. */
interface Seen {
  readonly via: "passive" | "send";
  /** `text`, `markdown`, `image`, `file`, `template_card` … */
  readonly kind: string;
  /** The words of a text or markdown, the name of a file, the title of a card. */
  readonly text: string;
  readonly at: number;
  /** Of `message/send`: takes it off the screen again. */
  readonly msgId?: string;
}

/** One try to bring a callback to the gateway. */
interface Attempt {
  /** Undefined when the connection failed or nothing complete came before the cut-off. */
  readonly status: number | undefined;
  readonly body: string;
  /** Text of the passive reply, when there was one. */
  readonly passive: string | undefined;
  readonly ms: number;
}

/** Where an attempt goes (1 is the first): to one address, or to what a balancer picks. */
type CallbackUrl = string | ((attempt: number) => string);

/** What goes wrong with one call of the API. */
type ApiFault =
  | { readonly errcode: number }
  /** The errcode's own fields beside 0, e.g. `{ invaliduser: "tester" }`. */
  | { readonly answer: Readonly<Record<string, unknown>> }
  | { readonly http: number; readonly body?: string }
  /** Never answered; the message may have been shown all the same. */
  | { readonly hang: "shown" | "lost" }
  /** The connection is cut. */
  | { readonly cut: "shown" | "lost" };

interface SendCall {
  readonly token: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly at: number;
}

/**
 * Stands in for the cloud of WeCom: delivers callbacks with its 5 s cut-off and its retries, serves
 * gettoken and message/send, and remembers what each user saw. Its cryptography is its own.
 */
export interface WecomCloud {
  readonly app: CloudApp;
  readonly apiBaseUrl: string;
  /** A signed callback with `inner` inside; each call is encrypted anew. */
  callback(inner: string, forgery?: Forgery): SignedRequest;
  /** A new message id, decimal, beyond 2^53. */
  nextMsgId(): string;
  /** The decrypted XML of a new text message of a user. */
  text(user: string, text: string, msgId?: string): string;
  /** Sends one request once, waits at most `cutOffMs`, and shows the user what came back. */
  attempt(callbackUrl: string, request: SignedRequest, cutOffMs?: number): Promise<Attempt>;
  /**
   * Delivers like the real one: up to three attempts, the next one when the last brought no
   * complete response. Retries repeat the bytes, or with `reencrypt` only the message.
   */
  deliver(
    callbackUrl: CallbackUrl,
    inner: string,
    options?: {
      readonly attempts?: number;
      /** From the end of one attempt to the next one; about 5000 at the real one, default 0. */
      readonly retryAfterMs?: number;
      readonly reencrypt?: boolean;
      readonly cutOffMs?: number;
    },
  ): Promise<readonly Attempt[]>;
  /** The GET that the console sends when the URL is saved. */
  verify(callbackUrl: string, echo: string, forgery?: Forgery): Promise<Attempt>;
  /** What appeared on the user's screen, in order. */
  seen(user: string): readonly Seen[];
  /** Resolves when the user has seen `count` answers; rejects after `timeoutMs`. */
  waitForSeen(user: string, count: number, timeoutMs?: number): Promise<readonly Seen[]>;
  /** The next calls of the API fail like this, in order. */
  failNext(api: Api, ...faults: readonly ApiFault[]): void;
  /** Puts a file into the cloud, as a member does who sends one; returns its media id. */
  keep(file: CloudFile): string;
  /** What was uploaded, in order. */
  readonly uploads: readonly CloudFile[];
  /** Every change of a card, in order: the code that was used, and the new card. */
  readonly cardChanges: readonly Readonly<Record<string, unknown>>[];
  /** From now on calls with today's token are refused, until a new one is fetched. */
  withdrawToken(errcode?: 42001 | 40014 | 40001): void;
  /** The address book by folded user id: what `user/get` says beside the id. */
  readonly people: Map<string, Readonly<Record<string, unknown>>>;
  /** What `department/list` says. */
  departments: readonly Readonly<Record<string, unknown>>[];
  /** Whom the address book was asked for, in order. */
  readonly userCalls: readonly string[];
  readonly tokenCalls: readonly number[];
  readonly sendCalls: readonly SendCall[];
  close(): Promise<void>;
}

export interface WecomCloudOptions {
  readonly app?: Partial<CloudApp>;
  /** Of the API; 0 takes a free one. */
  readonly port?: number;
  /** What gettoken promises. */
  readonly tokenLifetimeS?: number;
  /** Messages a minute beyond which a user silently gets nothing. */
  readonly perMinute?: number;
}

type Api =
  | "gettoken"
  | "send"
  | "recall"
  | "upload"
  | "get"
  | "update"
  | "user"
  | "departments"
  | "agent";

const APIS: ReadonlyMap<string, Api> = new Map([
  ["/cgi-bin/gettoken", "gettoken"],
  ["/cgi-bin/message/send", "send"],
  ["/cgi-bin/message/recall", "recall"],
  ["/cgi-bin/message/update_template_card", "update"],
  ["/cgi-bin/media/upload", "upload"],
  ["/cgi-bin/media/get", "get"],
  ["/cgi-bin/user/get", "user"],
  ["/cgi-bin/department/list", "departments"],
  ["/cgi-bin/agent/get", "agent"],
]);

interface CloudFile {
  readonly name: string;
  readonly type: string;
  readonly bytes: Buffer;
}

const CUT_OFF_MS = 5_000;

export const newCloudApp = (app: Partial<CloudApp> = {}): CloudApp => ({
  corpId: "wwexample000000001",
  agentId: "1000002",
  secret: randomBytes(24).toString("base64url"),
  token: randomBytes(12).toString("hex"),
  encodingAesKey: randomBytes(32).toString("hex").slice(0, 43),
  ...app,
});

export const startWecomCloud = async (options: WecomCloudOptions = {}): Promise<WecomCloud> => {
  const { tokenLifetimeS = 7200, perMinute = 30 } = options;
  const app = newCloudApp(options.app);
  const screens = new Map<string, Seen[]>();
  const watchers = new Set<() => void>();
  const shownPassively = new Set<string>();
  const faults: Record<Api, ApiFault[]> = {
    ...{ gettoken: [], send: [], recall: [], upload: [], get: [], update: [] },
    ...{ user: [], departments: [], agent: [] },
  };
  const files = new Map<string, CloudFile>();
  const uploads: CloudFile[] = [];
  const cardChanges: Readonly<Record<string, unknown>>[] = [];
  const usedCodes = new Set<unknown>();
  const tokenCalls: number[] = [];
  const sendCalls: SendCall[] = [];
  const recentBodies = new Map<string, number>();
  let token: string | undefined;
  const refusedTokens = new Map<string, number>();
  let lastMsgId = 9_007_199_254_740_993n + BigInt(Date.now());

  const show = (
    user: string,
    via: Seen["via"],
    text: string,
    kind = "text",
    sent: Pick<Seen, "msgId"> = {},
  ): void => {
    const key = user.toLowerCase();
    screens.set(key, [...(screens.get(key) ?? []), { via, kind, text, at: Date.now(), ...sent }]);
    for (const watcher of watchers) watcher();
  };

  const getToken = (query: URLSearchParams): object => {
    if (query.get("corpid") !== app.corpId) return { errcode: 40013, errmsg: "invalid corpid" };
    if (query.get("corpsecret") !== app.secret)
      return { errcode: 40001, errmsg: "invalid credential" };
    token ??= randomBytes(160).toString("base64url");
    return { errcode: 0, errmsg: "ok", access_token: token, expires_in: tokenLifetimeS };
  };

  /** Shows the message unless it is a duplicate or one too many; the API says 0 to those as well. */
  const send = (body: Readonly<Record<string, unknown>>, json: string): object => {
    const shown = shownBy(body);
    if ("errcode" in shown) return shown;
    const { kind, content } = shown;
    if (body.agentid !== Number(app.agentId)) return { errcode: 40056 };
    if (content === "") return { errcode: 44004 };
    const user = String(body.touser);
    const intervalMs = 1000 * Number(body.duplicate_check_interval ?? 1800);
    const sentBefore = recentBodies.get(json) ?? Number.NEGATIVE_INFINITY;
    const isDuplicate = body.enable_duplicate_check === 1 && Date.now() - sentBefore < intervalMs;
    recentBodies.set(json, Date.now());
    const lastMinute = sentToUser(user).filter(({ at }) => Date.now() - at < 60_000);
    const msgId = randomBytes(8).toString("hex");
    if (!isDuplicate && lastMinute.length < perMinute) {
      // Like the real one, which cuts what is too long.
      show(user, "send", Buffer.from(content).subarray(0, 2048).toString(), kind, { msgId });
    }
    return { errcode: 0, errmsg: "ok", msgid: msgId };
  };

  const recall = ({ msgid }: Readonly<Record<string, unknown>>): object => {
    for (const [user, shown] of screens) {
      const left = shown.filter(({ msgId }) => msgId === undefined || msgId !== msgid);
      screens.set(user, left);
      if (left.length < shown.length) return { errcode: 0, errmsg: "ok" };
    }
    return { errcode: 40058 };
  };

  /** What a person sees of a message, or why there is none of this kind. */
  const shownBy = (body: Readonly<Record<string, unknown>>) => {
    const kind = String(body.msgtype);
    const part = body[kind];
    if (typeof part !== "object" || part === null) return { errcode: 40008 };
    const fields = part as Readonly<Record<string, unknown>>;
    if (kind === "text" || kind === "markdown") {
      return typeof fields.content === "string"
        ? { kind, content: fields.content }
        : { errcode: 40008 };
    }
    if (kind === "template_card") {
      const title = (fields.main_title as { title?: unknown } | undefined)?.title;
      return typeof fields.card_type === "string" && typeof title === "string"
        ? { kind, content: title }
        : { errcode: 40058 };
    }
    if (kind === "textcard" || kind === "news") {
      const [card] = kind === "textcard" ? [fields] : (fields.articles as (typeof fields)[]);
      const { title, url, description } = card ?? {};
      const isWhole = kind === "news" || (typeof description === "string" && description !== "");
      return typeof title === "string" && typeof url === "string" && isWhole
        ? { kind, content: `${title} ${url}` }
        : { errcode: 40058 };
    }
    const file = files.get(String(fields.media_id));
    if (!file) return { errcode: 40007 };
    return file.type === kind ? { kind, content: file.name } : { errcode: 40004 };
  };

  /** A response code changes a card once. */
  const update = (body: Readonly<Record<string, unknown>>): object => {
    if (usedCodes.has(body.response_code) || !body.response_code) return { errcode: 42014 };
    usedCodes.add(body.response_code);
    cardChanges.push(body);
    return { errcode: 0, errmsg: "ok" };
  };

  const people = new Map<string, Readonly<Record<string, unknown>>>();
  const userCalls: string[] = [];
  let departments: readonly Readonly<Record<string, unknown>>[] = [];
  const userOf = (userid: string): object => {
    userCalls.push(userid);
    const person = people.get(userid.toLowerCase());
    return person ? { errcode: 0, errmsg: "ok", userid, ...person } : { errcode: 60111 };
  };

  const keep = (file: CloudFile): string => {
    const mediaId = `MEDIA_${files.size + 1}_${randomBytes(4).toString("hex")}`;
    files.set(mediaId, file);
    return mediaId;
  };

  const upload = async (incoming: Buffer, contentType: string, type: string): Promise<object> => {
    const form = await new Response(new Uint8Array(incoming), {
      headers: { "content-type": contentType },
    }).formData();
    const media = form.get("media");
    if (!(media instanceof File)) return { errcode: 44001 };
    const bytes = Buffer.from(await media.arrayBuffer());
    if (bytes.length <= 5) return { errcode: 40006 };
    const file = { name: media.name, type, bytes };
    uploads.push(file);
    return { errcode: 0, errmsg: "ok", type, media_id: keep(file), created_at: "1700000000" };
  };

  const sentToUser = (user: string) =>
    (screens.get(user.toLowerCase()) ?? []).filter(({ via }) => via === "send");

  const answerApi = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(incoming.url ?? "/", "http://api.invalid");
    const bytes = await bytesOf(incoming);
    const api = APIS.get(url.pathname);
    if (!api) {
      response.writeHead(404).end("not found");
      return;
    }
    const usedToken = url.searchParams.get("access_token") ?? "";
    const isJson = api === "send" || api === "update" || api === "recall";
    const json = isJson ? bytes.toString() : "{}";
    const body = JSON.parse(json) as Record<string, unknown>;
    if (api === "send") sendCalls.push({ token: usedToken, body, at: Date.now() });
    if (api === "gettoken") tokenCalls.push(Date.now());
    const reply = (value: object) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
    const perform = async (): Promise<object | CloudFile> => {
      if (api === "gettoken") return getToken(url.searchParams);
      if (usedToken !== token) {
        const errcode = refusedTokens.get(usedToken) ?? 40014;
        return {
          errcode,
          errmsg: `invalid access_token, hint: [1700000000_1_abc], from ip: 192.0.2.1`,
        };
      }
      if (api === "send") return send(body, json);
      if (api === "recall") return recall(body);
      if (api === "update") return update(body);
      if (api === "agent") {
        const isOurs = url.searchParams.get("agentid") === app.agentId;
        return isOurs ? { errcode: 0, agentid: Number(app.agentId) } : { errcode: 301002 };
      }
      if (api === "user") return userOf(url.searchParams.get("userid") ?? "");
      if (api === "departments") return { errcode: 0, errmsg: "ok", department: departments };
      if (api === "get") {
        return files.get(url.searchParams.get("media_id") ?? "") ?? { errcode: 40007 };
      }
      const { "content-type": contentType = "" } = incoming.headers;
      return upload(bytes, contentType, url.searchParams.get("type") ?? "");
    };
    const fault = faults[api].shift();
    if (fault === undefined) {
      const result = await perform();
      if ("bytes" in result) {
        const disposition = `attachment; filename="${encodeURIComponent(result.name)}"`;
        response
          .writeHead(200, {
            "content-type": "application/octet-stream",
            "content-disposition": disposition,
          })
          .end(result.bytes);
      } else reply(result);
    } else if ("errcode" in fault) {
      reply({ errcode: fault.errcode, errmsg: "as the test wants it, hint: [1700000000_2_def]" });
    } else if ("answer" in fault) {
      reply({ errcode: 0, errmsg: "ok", ...fault.answer });
    } else if ("http" in fault) {
      response.writeHead(fault.http).end(fault.body ?? "<html>not the API</html>");
    } else if ("hang" in fault) {
      if (fault.hang === "shown") await perform();
    } else {
      if (fault.cut === "shown") await perform();
      response.destroy();
    }
  };

  const server = createServer(STAYS_OPEN, (incoming, response) => {
    answerApi(incoming, response).catch(() => response.destroy());
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");

  /** A passive reply appears once per message, however often it is fetched. */
  const readAnswer = (status: number | undefined, body: string): string | undefined => {
    if (status !== 200 || !body.startsWith("<xml>")) return undefined;
    const reply = openPassiveReply(body, app);
    if (reply.fromCorp !== app.corpId || reply.msgType !== "text") {
      throw new Error("passive reply is not the documented text answer");
    }
    return reply.content;
  };

  const attempt = async (
    callbackUrl: string,
    signed: SignedRequest,
    cutOffMs: number,
    shownFor: { readonly user: string; readonly key: string } | undefined,
  ): Promise<Attempt> => {
    const startedAt = performance.now();
    const { status, body } = await exchange(
      withQuery(callbackUrl, signed.query),
      signed.body,
      cutOffMs,
    );
    const passive = readAnswer(status, body);
    if (passive !== undefined && shownFor) {
      const key = `${shownFor.key} ${passive}`;
      if (!shownPassively.has(key)) show(shownFor.user, "passive", passive);
      shownPassively.add(key);
    }
    return { status, body, passive, ms: performance.now() - startedAt };
  };

  const inners = new WeakMap<SignedRequest, { readonly user: string; readonly key: string }>();

  const cloud: WecomCloud = {
    app,
    apiBaseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    callback: (inner, forgery) => {
      const signed = callbackRequest(inner, app, forgery);
      inners.set(signed, { user: userIn(inner), key: digest(inner) });
      return signed;
    },
    nextMsgId: () => String(++lastMsgId),
    text: (user, text, msgId = cloud.nextMsgId()) => textMessage(app, { user, text, msgId }),
    attempt: (callbackUrl, signed, cutOffMs = CUT_OFF_MS) =>
      attempt(callbackUrl, signed, cutOffMs, inners.get(signed)),
    deliver: async (callbackUrl, inner, options = {}) => {
      const { attempts = 3, retryAfterMs = 0, reencrypt = false, cutOffMs } = options;
      const made: Attempt[] = [];
      let signed = cloud.callback(inner);
      for (;;) {
        const url = typeof callbackUrl === "string" ? callbackUrl : callbackUrl(made.length + 1);
        const last = await cloud.attempt(url, signed, cutOffMs);
        made.push(last);
        if (last.status === 200 || made.length === attempts) return made;
        if (retryAfterMs > 0) await delay(retryAfterMs);
        if (reencrypt) signed = cloud.callback(inner);
      }
    },
    verify: async (callbackUrl, echo, forgery) => {
      const startedAt = performance.now();
      const url = withQuery(callbackUrl, verificationQuery(echo, app, forgery));
      const { status, body } = await exchange(url, undefined, CUT_OFF_MS);
      return { status, body, passive: undefined, ms: performance.now() - startedAt };
    },
    seen: (user) => screens.get(user.toLowerCase()) ?? [],
    waitForSeen: (user, count, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        const stop = () => {
          clearTimeout(timer);
          watchers.delete(look);
        };
        const look = () => {
          if (cloud.seen(user).length < count) return;
          stop();
          resolve(cloud.seen(user));
        };
        const timer = setTimeout(() => {
          stop();
          reject(new Error(`${user} saw ${cloud.seen(user).length} of ${count} answers`));
        }, timeoutMs);
        watchers.add(look);
        look();
      }),
    failNext: (api, ...list) => {
      faults[api].push(...list);
    },
    ...{ keep, uploads, cardChanges },
    withdrawToken: (errcode = 42001) => {
      if (token !== undefined) refusedTokens.set(token, errcode);
      token = undefined;
    },
    people,
    userCalls,
    get departments() {
      return departments;
    },
    set departments(list) {
      departments = list;
    },
    tokenCalls,
    sendCalls,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return cloud;
};

const withQuery = (url: string, query: string): string =>
  `${url}${url.includes("?") ? "&" : "?"}${query}`;

const userIn = (inner: string): string =>
  /<FromUserName>(?:<!\[CDATA\[)?([^\]<]*)/.exec(inner)?.[1] ?? "";

const digest = (text: string): string => createHash("sha256").update(text).digest("hex");

const bytesOf = async (incoming: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** One request on its own connection; what did not arrive whole within the time did not arrive. */
const exchange = (
  url: string,
  body: string | undefined,
  cutOffMs: number,
): Promise<{ readonly status: number | undefined; readonly body: string }> =>
  new Promise((resolve) => {
    const lost = { status: undefined, body: "" };
    const outgoing = request(url, {
      method: body === undefined ? "GET" : "POST",
      agent: false,
      ...(body !== undefined && {
        headers: { "content-type": "text/xml", "content-length": Buffer.byteLength(body) },
      }),
    });
    const cutOff = setTimeout(() => {
      resolve(lost);
      outgoing.destroy();
    }, cutOffMs);
    outgoing.on("error", () => {
      clearTimeout(cutOff);
      resolve(lost);
    });
    outgoing.on("response", (response) => {
      bytesOf(response)
        .then((bytes) => resolve({ status: response.statusCode, body: bytes.toString() }))
        .catch(() => resolve(lost))
        .finally(() => clearTimeout(cutOff));
    });
    outgoing.end(body);
  });
