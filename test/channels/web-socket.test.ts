import { once } from "node:events";
import { createServer as createHttp, type Server } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSocket, type SocketReach } from "../../channels/web-socket.ts";
import { serveWebSockets } from "../../cli/web-socket-server.ts";
import { selfSigned } from "../fakes/certificate.ts";
import { freePort } from "../fakes/free-port.ts";
import { type HttpProxy, startHttpProxy } from "../fakes/http-proxy.ts";

const { cert, key } = selfSigned("localhost");
let server: Server;
let proxy: HttpProxy;

beforeEach(async () => {
  proxy = await startHttpProxy();
});

afterEach(async () => {
  await proxy.close();
  server?.closeAllConnections();
  server?.close();
});

/** A server that says everything back. */
const echo = async (isTls: boolean): Promise<string> => {
  server = isTls ? createServer({ cert, key }) : createHttp();
  serveWebSockets(server, (socket) => ({ received: socket.send, closed: () => {} }));
  server.listen(0, "localhost");
  await once(server, "listening");
  return `${isTls ? "wss" : "ws"}://localhost:${(server.address() as AddressInfo).port}`;
};

/** What comes back to "hello", or why nothing does. */
const helloAt = (url: string, reach: SocketReach): Promise<string> =>
  new Promise((resolve) => {
    const opening = openSocket(url, reach, {
      opened: () => void opening.then((socket) => socket.send("hello")),
      received: (text) => {
        resolve(`heard ${text}`);
        void opening.then((socket) => socket.close());
      },
      closed: (reason) => resolve(`closed: ${reason}`),
    });
  });

describe("a WebSocket", () => {
  it.each([true, false])("is opened through a proxy, TLS: %s", async (isTls) => {
    const url = await echo(isTls);
    const proxyUrl = proxy.url.replace("//", "//user:p%40ss@");
    expect(await helloAt(url, { ca: cert, proxyUrl })).toBe("heard hello");
    const authorization = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
    expect(proxy.asked).toEqual([{ host: new URL(url).host, authorization }]);
  });

  it("is not opened around a proxy that refuses", async () => {
    proxy.refuse(407);
    expect(await helloAt(await echo(true), { ca: cert, proxyUrl: proxy.url })).toBe(
      "closed: PROXY_SAYS_407",
    );
  });

  it("trusts nobody in the tunnel whom it would not trust without one", async () => {
    const heard = await helloAt(await echo(true), { proxyUrl: proxy.url });
    expect(heard).toBe("closed: DEPTH_ZERO_SELF_SIGNED_CERT");
  });

  it("says why there is no connection", async () => {
    const url = `ws://localhost:${await freePort()}`;
    expect(await helloAt(url, {})).toBe("closed: ECONNREFUSED");
    const gone = `http://localhost:${await freePort()}`;
    expect(await helloAt(url, { proxyUrl: gone })).toBe("closed: ECONNREFUSED");
  });
});
