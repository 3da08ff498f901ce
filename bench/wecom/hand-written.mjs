// The stack that a WeCom callback is usually written with by hand: koa, xml2js and @wecom/crypto as
// their pages show them. It compares the signature with ===, stores nothing and knows no duplicates.
import { once } from "node:events";
import { createServer } from "node:http";
import { decrypt, encrypt, getSignature } from "@wecom/crypto";
import Koa from "koa";
import { Builder, parseStringPromise } from "xml2js";
import { AES_KEY, CORP, TOKEN } from "../wecom-load.mjs";

/** Echoes texts; returns its port. */
export const startHandWritten = async () => {
  const app = new Koa();
  const builder = new Builder({ rootName: "xml", headless: true, cdata: true });
  const readBody = async (request) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  };
  app.use(async (context) => {
    const { msg_signature, timestamp, nonce } = context.query;
    const outer = await parseStringPromise(await readBody(context.req), { explicitArray: false });
    if (getSignature(TOKEN, timestamp, nonce, outer.xml.Encrypt) !== msg_signature) {
      context.status = 403;
      return;
    }
    const { message, id } = decrypt(AES_KEY, outer.xml.Encrypt);
    if (id !== CORP) {
      context.status = 403;
      return;
    }
    const { xml } = await parseStringPromise(message, { explicitArray: false });
    const reply = builder.buildObject({
      ToUserName: xml.FromUserName,
      FromUserName: xml.ToUserName,
      CreateTime: Math.floor(Date.now() / 1000),
      MsgType: "text",
      Content: xml.Content,
    });
    const sealed = encrypt(AES_KEY, reply, CORP);
    context.type = "text/xml";
    context.body = builder.buildObject({
      Encrypt: sealed,
      MsgSignature: getSignature(TOKEN, timestamp, nonce, sealed),
      TimeStamp: timestamp,
      Nonce: nonce,
    });
  });
  const server = createServer(app.callback());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address().port;
};
