import { randomUUID } from "node:crypto";
import { seal } from "./envelope.ts";
import type { KeyPair } from "./types.ts";
import { escapeCdata } from "./xml.ts";

/**
 * The answer that travels in the callback's own response: XML inside, encrypted XML outside.
 * @see https://developer.work.weixin.qq.com/document/path/90241
 */
export const renderPassive = (
  reply: { readonly corpId: string; readonly userId: string; readonly content: string },
  pair: KeyPair,
  now: Date,
): string => {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const inner =
    `<xml><ToUserName><![CDATA[${escapeCdata(reply.userId)}]]></ToUserName>` +
    `<FromUserName><![CDATA[${escapeCdata(reply.corpId)}]]></FromUserName>` +
    `<CreateTime>${timestamp}</CreateTime><MsgType><![CDATA[text]]></MsgType>` +
    `<Content><![CDATA[${escapeCdata(reply.content)}]]></Content></xml>`;
  const nonce = randomUUID().slice(0, 8); // as long as the platform's own
  const sealed = seal(inner, pair, reply.corpId, timestamp, nonce);
  // Readers on the other side are simple: this order, and a bare number.
  return (
    `<xml><Encrypt><![CDATA[${sealed.encrypt}]]></Encrypt>` +
    `<MsgSignature><![CDATA[${sealed.signature}]]></MsgSignature>` +
    `<TimeStamp>${sealed.timestamp}</TimeStamp>` +
    `<Nonce><![CDATA[${sealed.nonce}]]></Nonce></xml>`
  );
};
