import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { GateOptions } from "../../channels/gate.ts";
import { createWebhookListener } from "../../channels/http.ts";
import type {
  ChannelAdapter,
  Rejection,
  Webhook,
  WebhookRequest,
} from "../../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../../core/contract/errors.ts";
import { recordedMetrics } from "../fakes/channel-metrics.ts";
import { recordedLog } from "../fakes/log.ts";

const PATH = "/hook";
// Patient where a test is not about a body that does not end: the machine may be slow.
const limits = { maxBytes: 1024, timeoutMs: 60_000 };
const within = (timeoutMs: number) => ({ ...limits, timeoutMs });

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

const serve = async (webhook: Webhook, gate?: GateOptions, given = limits) => {
  const log = recordedLog();
  const metrics = recordedMetrics();
  const rejections: Rejection[] = [];
  const requests: WebhookRequest[] = [];
  const listening: Webhook = (request) => {
    requests.push(request);
    return webhook(request);
  };
  const options = {
    log,
    onRejected: (rejection: Rejection) => void rejections.push(rejection),
    limits: given,
    metricsOf: () => metrics,
    ...(gate && { gate }),
  };
  server = createServer(createWebhookListener([adapterOf(listening)], options, next));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    log,
    counted: metrics.counted,
    rejections,
    requests,
  };
};

const next: RequestListener = (_, response) => void response.writeHead(404).end("next");

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
    expect(() => createWebhookListener(adapters, options, next)).toThrow(
      /test and other share .*\/hook/,
    );
  });

  it.each([
    ["a forged signature", new SignatureError("test", "SIGNATURE"), 403],
    ["another forgery", new SignatureError("test", "CIPHERTEXT"), 403],
    ["a forgery where a 401 is asked for", new SignatureError("test", "KEY", {}, 401), 401],
    ["an unreadable body", new PayloadError("test", "DOCTYPE"), 400],
    ["another method", new PayloadError("test", "method", 405), 405],
  ])("answers %s with the bare status", async (_name, error, status) => {
    const { url, rejections } = await serve(() => Promise.reject(error));
    const response = await fetch(url + PATH, { method: "POST", body: "x" });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe("");
    expect(rejections).toEqual([{ channel: "test", reason: error.reason, status }]);
  });

  it("counts what is acknowledged, and how far came what is not", async () => {
    const outcomes: Webhook[] = [
      ok,
      async () => ({ status: 503 }),
      () => Promise.reject(new SignatureError("test", "TIMESTAMP")),
      () => Promise.reject(new PayloadError("test", "no XML in PLANTED text", 415)),
      () => Promise.reject(new Error("a fault")),
    ];
    const { url, counted } = await serve(
      async (request) => outcomes.shift()?.(request) ?? ok(request),
    );
    for (let times = outcomes.length; times > 0; times--) {
      await fetch(`${url}${PATH}`, { method: "POST" });
    }
    await fetch(`${url}${PATH}`);
    expect(counted).toEqual([
      "acknowledged true",
      "refused verify TIMESTAMP",
      "refused read HTTP_415",
      "told unread answer failed",
      "told verification verify answered",
    ]);
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
    const { port } = await serve(ok, undefined, within(200));
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n`);
    const answer = await answerOf(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer.toLowerCase()).toContain("connection: close");
  });

  it.each([
    ["longer than any message", "", 413],
    ["compressed", "Content-Encoding: gzip\r\n", 415],
  ])(
    "tells who writes all of a body before reading that it is %s",
    async (_why, header, status) => {
      const { port, requests } = await serve(ok);
      const body = Buffer.alloc(8 * 2 ** 20);
      const socket = connect(port, "127.0.0.1");
      const head = `POST ${PATH} HTTP/1.1\r\nHost: a\r\n${header}Content-Length: ${body.length}\r\n\r\n`;
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject).write(head);
        socket.write(body, () => resolve());
      });
      expect(await answerOf(socket)).toContain(`HTTP/1.1 ${status} `);
      expect(requests).toEqual([]);
    },
  );

  it("counts what arrives when no length was given, and closes", async () => {
    const { port, requests, rejections } = await serve(ok, undefined, within(2_000));
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let chunk = 0; chunk < 5; chunk += 1) socket.write(`100\r\n${"x".repeat(256)}\r\n`);
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 413 /);
    expect(requests).toEqual([]);
    expect(rejections.map(({ status }) => status)).toEqual([413]);
  });

  it("counts what came in one piece with the head too", async () => {
    const { port, requests } = await serve(ok);
    const send = (chunks: number) => {
      const socket = connect(port, "127.0.0.1");
      const body = `100\r\n${"x".repeat(256)}\r\n`.repeat(chunks);
      const head = `POST ${PATH} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked`;
      socket.write(`${head}\r\n\r\n${body}0\r\n\r\n`);
      return answerOf(socket);
    };
    expect(await send(4)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await send(5)).toMatch(/^HTTP\/1\.1 413 /);
    expect(requests.map(({ body }) => String(body))).toEqual(["x".repeat(1024)]);
  });

  it("gives up on a body that does not end, and closes", async () => {
    const { port, requests, rejections } = await serve(ok, undefined, within(200));
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

describe("too many at once", () => {
  const ONE = { places: 1, busyPlaces: 1, waiting: 0, waitMs: 1_000 };

  /** A webhook that is in work until it is told to end. */
  const heldWebhook = () => {
    let begun = (): void => {};
    const isInWork = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const webhook: Webhook = async ({ method }) => {
      if (method === "POST") {
        begun();
        await ended;
      }
      return { status: 200 };
    };
    return { webhook, isInWork, end: () => end() };
  };

  const postOn = (port: number, length = 1) => {
    const socket = connect(port, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    return socket;
  };

  it("are told to come again, unread and undecrypted, and counted", async () => {
    const held = heldWebhook();
    const { url, requests, rejections } = await serve(held.webhook, ONE);
    const first = fetch(url + PATH, { method: "POST", body: "x" });
    await held.isInWork;
    for (let more = 0; more < 3; more++) {
      const refused = await fetch(url + PATH, { method: "POST", body: "y" });
      expect(refused.status).toBe(503);
      expect(refused.headers.get("retry-after")).toBe("1");
      expect(await refused.text()).toBe("");
    }
    expect(requests).toHaveLength(1);
    const refusal = { channel: "test", reason: "OVERLOADED", status: 503 };
    expect(rejections).toEqual([refusal, refusal, refusal]);
    held.end();
    expect((await first).status).toBe(200);
    expect((await fetch(url + PATH, { method: "POST", body: "z" })).status).toBe(200);
  });

  it("keep their connection, and what they sent is not taken for the next request", async () => {
    const held = heldWebhook();
    const { port, requests } = await serve(held.webhook, ONE);
    const first = postOn(port);
    first.write("x");
    await held.isInWork;
    const socket = postOn(port, 1_000);
    const [refusal] = await once(socket, "data");
    expect(String(refusal)).toMatch(/^HTTP\/1\.1 503 /);
    held.end();
    await once(first, "data");
    socket.write(`POST /evil HTTP/1.1\r\n`.padEnd(1_000, "y"));
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nnew`);
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
    expect(requests.map(({ body }) => String(body))).toEqual(["x", "new"]);
    for (const one of [first, socket]) one.destroy();
  });

  it.each(["Content-Length: 1025", "Transfer-Encoding: chunked"])(
    "lose it when they announce a body of %s",
    async (header) => {
      const held = heldWebhook();
      const { url, port } = await serve(held.webhook, ONE);
      const first = fetch(url + PATH, { method: "POST", body: "x" });
      await held.isInWork;
      const socket = connect(port, "127.0.0.1");
      socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n`);
      const answer = (await answerOf(socket)).toLowerCase();
      expect(answer).toMatch(/^http\/1\.1 503 /);
      expect(answer).toContain("connection: close");
      held.end();
      await first;
    },
  );

  it("do not keep a GET out, nor what is no webhook", async () => {
    const held = heldWebhook();
    const { url } = await serve(held.webhook, ONE);
    const first = fetch(url + PATH, { method: "POST", body: "x" });
    await held.isInWork;
    expect((await fetch(url + PATH)).status).toBe(200);
    expect(await (await fetch(`${url}/api/health/live`)).text()).toBe("next");
    held.end();
    await first;
  });

  it("attack: who sends bodies slowly takes nobody's place", async () => {
    const { url, port } = await serve(ok, ONE);
    const slow = Array.from({ length: 5 }, () => postOn(port, 100));
    await Promise.all(slow.map((socket) => once(socket, "connect")));
    expect((await fetch(url + PATH, { method: "POST", body: "x" })).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });

  it("leave their place when their webhook throws", async () => {
    const { url } = await serve(() => Promise.reject(new SignatureError("test", "SIGNATURE")), ONE);
    for (let turn = 0; turn < 3; turn++) {
      expect((await fetch(url + PATH, { method: "POST", body: "x" })).status).toBe(403);
    }
  });

  it("wait a little for a place", async () => {
    const held = heldWebhook();
    const { url, requests } = await serve(held.webhook, { ...ONE, waiting: 1, waitMs: 60_000 });
    const first = fetch(url + PATH, { method: "POST", body: "1" });
    await held.isInWork;
    const second = fetch(url + PATH, { method: "POST", body: "2" });
    const third = fetch(url + PATH, { method: "POST", body: "3" });
    // One of them waits, whichever was read first; the other hears so at once.
    expect((await Promise.race([second, third])).status).toBe(503);
    held.end();
    const statuses = (await Promise.all([first, second, third])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 200, 503]);
    expect(requests).toHaveLength(2);
  });

  it("are left out when they hang up while they wait, and keep nobody's place", async () => {
    const held = heldWebhook();
    const gate = { ...ONE, waiting: 1, waitMs: 60_000 };
    const { url, port, requests, rejections } = await serve(held.webhook, gate);
    const first = fetch(url + PATH, { method: "POST", body: "1" });
    await held.isInWork;
    const accepted = server && once(server, "connection");
    const impatient = postOn(port);
    impatient.write("2");
    const [atServer] = (await accepted) as [Socket];
    // Whatever was sent has been read by now: the end comes behind it.
    impatient.end();
    await once(atServer, "close");
    held.end();
    expect((await first).status).toBe(200);
    expect((await fetch(url + PATH, { method: "POST", body: "3" })).status).toBe(200);
    expect(requests.map(({ body }) => String(body))).toEqual(["1", "3"]);
    expect(rejections).toEqual([{ channel: "test", reason: "OVERLOADED", status: 503 }]);
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
