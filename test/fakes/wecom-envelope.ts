import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

/** The secrets of one application, as its administrator sees them. */
export interface CloudApp {
  readonly corpId: string;
  readonly agentId: string;
  readonly secret: string;
  readonly token: string;
  readonly encodingAesKey: string;
}

/** Ways to build a request that the platform would never build. */
export interface Forgery {
  /** Changes the bytes between padding and encryption. */
  readonly plaintext?: (bytes: Buffer) => Buffer;
  /** Changes the ciphertext before it is signed. */
  readonly ciphertext?: (base64: string) => string;
  readonly receiveId?: string;
  readonly token?: string;
  readonly encodingAesKey?: string;
  /** Unix seconds, or any text. */
  readonly timestamp?: string;
  readonly nonce?: string;
  /** Changes the query after signing: `undefined` leaves a parameter out, a list repeats it. */
  readonly query?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Changes the outer XML after signing. */
  readonly body?: (xml: string) => string;
  readonly outerCorpId?: string;
  readonly outerAgentId?: string;
}

export interface SignedRequest {
  /** Without the leading `?`. */
  readonly query: string;
  readonly body: string;
}

export const encryptText = (text: string, app: CloudApp, forgery: Forgery = {}): string => {
  const message = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  const receiveId = Buffer.from(forgery.receiveId ?? app.corpId);
  const content = Buffer.concat([randomBytes(16), length, message, receiveId]);
  const padding = 32 - (content.length % 32);
  const padded = Buffer.concat([content, Buffer.alloc(padding, padding)]);
  const key = Buffer.from(`${forgery.encodingAesKey ?? app.encodingAesKey}=`, "base64");
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const plaintext = forgery.plaintext?.(padded) ?? padded;
  const base64 = Buffer.concat([cipher.update(plaintext), cipher.final()]).toString("base64");
  return forgery.ciphertext?.(base64) ?? base64;
};

export const signatureOf = (...values: readonly string[]): string =>
  createHash("sha1")
    .update([...values].sort().join(""))
    .digest("hex");

const queryString = (values: Forgery["query"] & object): string =>
  Object.entries(values)
    .flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => `${name}=${encodeURIComponent(one)}`),
    )
    .join("&");

const signedQuery = (
  encrypted: string,
  app: CloudApp,
  forgery: Forgery,
): Record<string, string> => {
  const timestamp = forgery.timestamp ?? String(Math.floor(Date.now() / 1000));
  const nonce = forgery.nonce ?? randomBytes(6).toString("hex");
  const msg_signature = signatureOf(forgery.token ?? app.token, timestamp, nonce, encrypted);
  return { msg_signature, timestamp, nonce };
};

/** The POST that brings `inner` to the application. */
export const callbackRequest = (
  inner: string,
  app: CloudApp,
  forgery: Forgery = {},
): SignedRequest => {
  const encrypted = encryptText(inner, app, forgery);
  const body =
    `<xml><ToUserName><![CDATA[${forgery.outerCorpId ?? app.corpId}]]></ToUserName>` +
    `<AgentID><![CDATA[${forgery.outerAgentId ?? app.agentId}]]></AgentID>` +
    `<Encrypt><![CDATA[${encrypted}]]></Encrypt></xml>`;
  return {
    query: queryString({ ...signedQuery(encrypted, app, forgery), ...forgery.query }),
    body: forgery.body?.(body) ?? body,
  };
};

/** The query of the GET that asks the application to prove that it has the key. */
export const verificationQuery = (echo: string, app: CloudApp, forgery: Forgery = {}): string => {
  const echostr = encryptText(echo, app, forgery);
  return queryString({ ...signedQuery(echostr, app, forgery), echostr, ...forgery.query });
};

/** What the platform reads in an encrypted passive reply. Throws when anything about it is wrong. */
export interface PassiveReply {
  readonly toUser: string;
  readonly fromCorp: string;
  readonly msgType: string;
  readonly content: string;
}

const OUTER =
  /^<xml><Encrypt><!\[CDATA\[([A-Za-z0-9+/=]+)\]\]><\/Encrypt><MsgSignature><!\[CDATA\[([0-9a-f]{40})\]\]><\/MsgSignature><TimeStamp>(\d+)<\/TimeStamp><Nonce><!\[CDATA\[([^\]]+)\]\]><\/Nonce><\/xml>$/;

export const openPassiveReply = (body: string, app: CloudApp): PassiveReply => {
  const [, encrypted = "", signature, timestamp = "", nonce = ""] = OUTER.exec(body) ?? [];
  if (signature === undefined) throw new Error("passive reply is not in the documented form");
  if (signatureOf(app.token, timestamp, nonce, encrypted) !== signature) {
    throw new Error("passive reply has a wrong signature");
  }
  const key = Buffer.from(`${app.encodingAesKey}=`, "base64");
  const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(encrypted, "base64"), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  const isPadded = padding >= 1 && padding <= 32 && padded.length % 32 === 0;
  if (!isPadded || padded.subarray(-padding).some((byte) => byte !== padding)) {
    throw new Error("passive reply has a wrong padding");
  }
  const plain = padded.subarray(0, -padding);
  const end = 20 + plain.readUInt32BE(16);
  if (plain.subarray(end).toString() !== app.corpId) {
    throw new Error("passive reply has a wrong receiveid");
  }
  const xml = new TextDecoder("utf-8", { fatal: true }).decode(plain.subarray(20, end));
  return {
    toUser: cdata(xml, "ToUserName"),
    fromCorp: cdata(xml, "FromUserName"),
    msgType: cdata(xml, "MsgType"),
    content: cdata(xml, "Content"),
  };
};

/** The text of an element that consists of CDATA sections, the way an escaped `]]>` needs two. */
const cdata = (xml: string, name: string): string => {
  const start = xml.indexOf(`<${name}>`) + name.length + 2;
  const end = xml.lastIndexOf(`</${name}>`);
  const inside = xml.slice(start, end);
  const isWhole = inside.startsWith("<![CDATA[") && inside.endsWith("]]>");
  if (start < name.length + 2 || end < start || !isWhole) {
    throw new Error(`passive reply has no ${name} in CDATA`);
  }
  const content = inside.slice(9, -3).split("]]]]><![CDATA[>");
  if (content.some((piece) => piece.includes("]]>"))) throw new Error(`${name} ends too early`);
  return content.join("]]>");
};

const escapedCdata = (text: string): string => text.replaceAll("]]>", "]]]]><![CDATA[>");

/** The decrypted XML of a text message. */
export const textMessage = (
  app: CloudApp,
  message: {
    readonly user: string;
    readonly text: string;
    readonly msgId: string;
    /** Unix seconds; now when absent. */
    readonly createTime?: number;
    readonly corpId?: string;
    readonly agentId?: string;
  },
): string =>
  `<xml><ToUserName><![CDATA[${message.corpId ?? app.corpId}]]></ToUserName>` +
  `<FromUserName><![CDATA[${message.user}]]></FromUserName>` +
  `<CreateTime>${message.createTime ?? Math.floor(Date.now() / 1000)}</CreateTime>` +
  `<MsgType><![CDATA[text]]></MsgType>` +
  `<Content><![CDATA[${escapedCdata(message.text)}]]></Content>` +
  `<MsgId>${message.msgId}</MsgId><AgentID>${message.agentId ?? app.agentId}</AgentID></xml>`;
