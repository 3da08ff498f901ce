import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import Koa from "koa";
import { afterEach, describe, expect, it } from "vitest";
import { createWebhookMiddleware } from "../../channels/http.ts";
import type {
  ChannelAdapter,
  Rejection,
  Webhook,
  WebhookRequest,
} from "../../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../../core/contract/errors.ts";
import { recordedLog } from "../fakes/log.ts";

const PATH = "/hook";
const limits = { maxBytes: 1024, timeoutMs: 200 };

let server: Server | undefined;

afterEach(async () => {
  if (!server) return;
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  server = undefined;
});

const adapterOf = (webhook: Webhook, path = PATH, name = "test"): ChannelAdapter => ({
  name,
  webhooks: new Map([[path, webhook]]),
  start: async () => {},
  stop: async () => {},
  render: ({ markdown }) => [markdown],
  send: async () => ({ kind: "delivered" }),
  reconcile: async () => ({ kind: "send" }),
});

const serve = async (webhook: Webhook) => {
  const log = recordedLog();
  const rejections: Rejection[] = [];
  const requests: WebhookRequest[] = [];
  const app = new Koa();
  app.silent = true;
  const listening: Webhook = (request) => {
    requests.push(request);
    return webhook(request);
  };
  app.use(
    createWebhookMiddleware([adapterOf(listening)], {
      log,
      onRejected: (rejection) => rejections.push(rejection),
      limits,
    }),
  );
  app.use((ctx) => {
    ctx.status = 404;
    ctx.body = "next";
  });
  server = createServer(app.callback());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, log, rejections, requests };
};

const ok: Webhook = async () => ({ status: 200 });

/** Everything that comes back on one connection until it closes. */
const answerOf = async (socket: Socket): Promise<string> => {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks).toString();
};

describe("the webhook server", () => {
  it("hands over method, query and the exact bytes", async () => {
    const { url, requests } = await serve(ok);
    const body = Buffer.from([0x00, 0xff, 0x0d, 0x0a, 0xe4]);
    await fetch(`${url}${PATH}?a=%2B+&a=2`, { method: "POST", body });
    const [request] = requests;
    expect(request).toMatchObject({ method: "POST", query: "a=%2B+&a=2" });
    expect(request?.body.equals(body)).toBe(true);
  });

  it("answers an empty 200 with an empty body, not with 204", async () => {
    const { url } = await serve(ok);
    const response = await fetch(url + PATH, { method: "POST", body: "x" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-length")).toBe("0");
    expect(response.headers.get("content-type")).toBeNull();
    expect(await response.text()).toBe("");
  });

  it("answers with the body and type that the webhook gives", async () => {
    const contentType = "text/plain; charset=utf-8";
    const { url } = await serve(async () => ({
      status: 200,
      contentType,
      body: "1616140317555161061",
    }));
    const response = await fetch(url + PATH);
    expect(response.headers.get("content-type")).toBe(contentType);
    expect(await response.text()).toBe("1616140317555161061");
  });

  it("leaves other paths alone, their bodies unread", async () => {
    const { url, requests } = await serve(ok);
    for (const path of ["/", "/hook/", "/hookx", "/HOOK", "/hook%2F", "/x/../hook2"]) {
      const response = await fetch(url + path, { method: "POST", body: "x".repeat(5000) });
      expect(await response.text()).toBe("next");
    }
    expect(requests).toEqual([]);
  });

  it("refuses two adapters on one path", () => {
    const options = { log: recordedLog(), onRejected: () => {} };
    const adapters = [adapterOf(ok), adapterOf(ok, PATH, "other")];
    expect(() => createWebhookMiddleware(adapters, options)).toThrow(
      /test and other share .*\/hook/,
    );
  });

  it.each([
    ["a forged signature", new SignatureError("test", "SIGNATURE"), 403],
    ["another forgery", new SignatureError("test", "CIPHERTEXT"), 403],
    ["an unreadable body", new PayloadError("test", "DOCTYPE"), 400],
    ["another method", new PayloadError("test", "method", 405), 405],
  ])("answers %s with the bare status", async (_name, error, status) => {
    const { url, rejections } = await serve(() => Promise.reject(error));
    const response = await fetch(url + PATH, { method: "POST", body: "x" });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe("");
    expect(rejections).toEqual([{ channel: "test", reason: error.reason, status }]);
  });

  it("answers every forgery alike, to the last header", async () => {
    const reasons = ["SIGNATURE", "TIMESTAMP", "CIPHERTEXT", "RECEIVE_ID", "INNER_CORP"];
    const { url } = await serve(({ body }) =>
      Promise.reject(new SignatureError("test", String(body))),
    );
    const answers = new Set<string>();
    for (const body of reasons) {
      const response = await fetch(url + PATH, { method: "POST", body });
      const headers = [...response.headers].filter(([name]) => name !== "date");
      answers.add(JSON.stringify([response.status, headers, await response.text()]));
    }
    expect(answers.size).toBe(1);
  });

  it("says which methods there are when it refuses one", async () => {
    const { url } = await serve(() => Promise.reject(new PayloadError("test", "method", 405)));
    expect((await fetch(url + PATH, { method: "DELETE" })).headers.get("allow")).toBe("GET, POST");
  });

  it("answers a fault with an empty 500 and an alert", async () => {
    const { url, log, rejections } = await serve(() => Promise.reject(new Error("secret detail")));
    const response = await fetch(url + PATH, { method: "POST", body: "x" });
    expect(response.status).toBe(500);
    expect(await response.text()).toBe("");
    expect(log.lines.some(({ fields }) => fields.alert === "webhook_failed")).toBe(true);
    expect(rejections).toEqual([]);
  });

  it.each(["gzip", "br", "deflate", "identity, gzip"])(
    "refuses the encoding %s",
    async (encoding) => {
      const { url, requests, rejections } = await serve(ok);
      const headers = { "content-encoding": encoding };
      const response = await fetch(url + PATH, { method: "POST", body: "x", headers });
      expect(response.status).toBe(415);
      expect(requests).toEqual([]);
      expect(rejections).toHaveLength(1);
    },
  );

  it("takes the encoding identity", async () => {
    const { url } = await serve(ok);
    const headers = { "content-encoding": "Identity" };
    expect((await fetch(url + PATH, { method: "POST", body: "x", headers })).status).toBe(200);
  });
});

describe("the cap on a body", () => {
  it("lets in the longest body, and not one byte more", async () => {
    const { url, requests } = await serve(ok);
    const post = (length: number) =>
      fetch(url + PATH, { method: "POST", body: "x".repeat(length) });
    expect((await post(1024)).status).toBe(200);
    expect((await post(1025)).status).toBe(413);
    expect(requests).toHaveLength(1);
  });

  it("refuses by Content-Length before the body is sent, and closes", async () => {
    const { port } = await serve(ok);
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n`);
    const answer = await answerOf(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer.toLowerCase()).toContain("connection: close");
  });

  it("counts what arrives when no length was given, and closes", async () => {
    const { port, requests, rejections } = await serve(ok);
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let chunk = 0; chunk < 5; chunk += 1) socket.write(`100\r\n${"x".repeat(256)}\r\n`);
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 413 /);
    expect(requests).toEqual([]);
    expect(rejections.map(({ status }) => status)).toEqual([413]);
  });

  it("gives up on a body that does not end, and closes", async () => {
    const { port, requests, rejections } = await serve(ok);
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx`);
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 408 /);
    expect(requests).toEqual([]);
    expect(rejections.map(({ status }) => status)).toEqual([408]);
  });

  it("survives a sender that hangs up in the middle of the body", async () => {
    const { url, port, requests } = await serve(ok);
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx`);
    await once(socket, "connect");
    socket.destroy();
    expect((await fetch(url + PATH, { method: "POST", body: "x" })).status).toBe(200);
    expect(requests).toHaveLength(1);
  });

  it("reads no body of a GET, and closes a connection that brings one", async () => {
    const { port, requests } = await serve(ok);
    const socket = connect(port, "127.0.0.1");
    socket.write(
      `GET ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n${"x".repeat(100)}`,
    );
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 200 /);
    expect(requests[0]?.body).toHaveLength(0);
  });
});

describe("the end of a response", () => {
  it("is reported as complete once it was handed to the network", async () => {
    let report = (_isComplete: boolean): void => {};
    const reported = new Promise<boolean>((resolve) => {
      report = resolve;
    });
    const { url } = await serve(async () => ({ status: 200, body: "answer", settled: report }));
    await fetch(url + PATH, { method: "POST", body: "x" });
    expect(await reported).toBe(true);
  });

  it("is reported once, as broken, when the platform hung up before it, and its wait ends", async () => {
    const reports: boolean[] = [];
    let report = (): void => {};
    const reported = new Promise<void>((resolve) => {
      report = resolve;
    });
    let socket: Socket | undefined;
    const { port } = await serve(async ({ hungUp }) => {
      socket?.destroy();
      await hungUp;
      const settled = (isComplete: boolean) => {
        reports.push(isComplete);
        report();
      };
      return { status: 200, body: "answer", settled };
    });
    socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`);
    await reported;
    await new Promise((resolve) => setImmediate(resolve));
    expect(reports).toEqual([false]);
  });

  it("is not taken for a hang-up of the platform", async () => {
    const { url, requests } = await serve(ok);
    await (await fetch(url + PATH, { method: "POST", body: "x" })).text();
    server?.closeIdleConnections();
    const later = new Promise((resolve) => setImmediate(() => resolve("still open")));
    const hungUp = requests[0]?.hungUp.then(() => "hung up");
    expect(await Promise.race([hungUp, later])).toBe("still open");
  });
});
