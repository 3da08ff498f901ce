import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { createAuthority } from "../../../sandbox/egress/authority.ts";
import { placeholderOf } from "../../../sandbox/egress/credentials.ts";
import type { EndpointRules } from "../../../sandbox/egress/rules.ts";
import { eventually } from "../../fakes/eventually.ts";
import {
  cleanUp,
  internal,
  openTestLink,
  readAll,
  readUntil,
  startHost,
  startTlsHost,
  type TestLink,
  temporaryFolder,
} from "./egress-fixture.ts";

afterEach(cleanUp);

const endpoint = (more: Partial<EndpointRules>): EndpointRules => ({
  host: "a.test",
  ports: [],
  tls: "terminate",
  allow: [],
  deny: [],
  ...more,
});
const onlyGet = { allow: [{ method: "GET", path: "/v1/**", query: {} }] };
const KEY = { name: "KEY", secret: "top-secret", host: "a.test" };

/** A TLS host as a.test behind a link with these rules. */
const open = async (
  rules: readonly EndpointRules[],
  listener?: Parameters<typeof startTlsHost>[1],
  certifiedName = "a.test",
) => {
  const host = await startTlsHost(certifiedName, listener);
  const file = join(temporaryFolder(), "ca.pem");
  writeFileSync(file, host.caPem);
  const test = await openTestLink(
    {
      hosts: { "a.test": internal({ 443: host.port }) },
      egress_ca_file: file,
      rules: () => rules,
    },
    { credentials: [KEY] },
  );
  return { host, test };
};

const trusted = (test: TestLink) =>
  readFileSync(join(test.link.wayOut.folder, "ca-certificates.pem"), "utf8");

/** Sends a request through the tunnel, over TLS as a client inside would. */
const ask = async (test: TestLink, bytes: string) => {
  const socket = connect(test.socket());
  socket.write("CONNECT a.test:443 HTTP/1.1\r\n\r\n");
  expect(await readUntil(socket, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 200 /);
  const secure = tlsConnect({ socket, servername: "a.test", ca: trusted(test) });
  secure.write(bytes);
  return readAll(secure);
};
const get = (path: string, more = "") =>
  `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${more}\r\n`;

describe("TLS that the proxy ends", () => {
  it("is judged request by request, pipelined ones too", async () => {
    const { host, test } = await open([endpoint(onlyGet)]);
    const answer = await ask(
      test,
      `GET /v1/x HTTP/1.1\r\nHost: a.test\r\n\r\n${get("/admin?token=1")}`,
    );
    expect(answer).toMatch(
      /200 OK[\s\S]*hello over tls[\s\S]*403 Forbidden[\s\S]*no rule allows GET/,
    );
    expect(host.requests.map(({ url }) => url)).toEqual(["/v1/x"]);
    await eventually(() => expect(test.records.length).toBe(3));
    expect(test.records).toMatchObject([{ method: "CONNECT" }, {}, {}]);
    const request = { method: "GET", host: "a.test", port: 443 };
    expect(test.records).toContainEqual(
      expect.objectContaining({ ...request, path: "/v1/x", decision: "allow" }),
    );
    expect(test.records).toContainEqual(
      expect.objectContaining({ ...request, path: "/admin", decision: "deny" }),
    );
  });

  it("goes to no other host by its Host header, and to no tunnel within", async () => {
    const { host, test } = await open([endpoint({})]);
    const other = "GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n";
    expect(await ask(test, other)).toMatch(/^HTTP\/1\.1 403 [\s\S]*not the host of the connection/);
    expect(await ask(test, "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n")).toBe("");
    expect(host.requests).toEqual([]);
  });

  it("is begun again only with the host itself", async () => {
    const { host, test } = await open([endpoint({})], undefined, "b.test");
    expect(await ask(test, get("/"))).toMatch(/^HTTP\/1\.1 502 [\s\S]*cannot be reached/);
    expect(host.requests).toEqual([]);
  });

  it("needs a client that trusts this run's authority, and another run's is of no use", async () => {
    const { host, test } = await open([endpoint({})]);
    const { test: other } = await open([endpoint({})]);
    const socket = connect(test.socket("tls"));
    const secure = tlsConnect({ socket, servername: "a.test", ca: trusted(other) });
    const failed = new Promise<Error>((resolve) => secure.on("error", resolve));
    expect((await failed).message).toMatch(/unable to|signature|self-signed/);
    secure.destroy();
    expect(host.requests).toEqual([]);
  });

  it("attack: names without end, each of which has to be certified", async () => {
    const { contextFor } = await createAuthority();
    const [used, forgotten] = [await contextFor("used.test"), await contextFor("old.test")];
    for (let n = 0; n < 70; n++) {
      await contextFor(`${n}.test`);
      expect(await contextFor("used.test")).toBe(used);
    }
    expect(await contextFor("old.test")).not.toBe(forgotten);
  });

  it("is offered to direct TLS as well", async () => {
    const { test } = await open([endpoint(onlyGet)]);
    const secure = tlsConnect({
      path: test.socket("tls"),
      servername: "a.test",
      ca: trusted(test),
    });
    secure.write(get("/v2"));
    expect(await readAll(secure)).toMatch(/^HTTP\/1\.1 403 /);
  });

  it("is refused where requests are restricted and it is not ended", async () => {
    const { host, test } = await open([endpoint({ ...onlyGet, tls: "passthrough" })]);
    const answer = await test.send("CONNECT a.test:443 HTTP/1.1\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 403 [\s\S]*tls: terminate/);
    expect(host.requests).toEqual([]);
  });
});

describe("rules about plain requests", () => {
  it("hold without anybody opting in", async () => {
    const host = await startHost();
    const test = await openTestLink({
      hosts: { "a.test": internal({ 80: host.port }) },
      rules: (tenantId) =>
        tenantId === "acme" ? [endpoint({ ...onlyGet, tls: "passthrough" })] : [],
    });
    const send = (method: string, path: string) =>
      test.send(
        `${method} http://a.test${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`,
      );
    expect(await send("GET", "/v1/a")).toMatch(/^HTTP\/1\.1 200 /);
    expect(await send("DELETE", "/v1/a")).toMatch(/^HTTP\/1\.1 403 /);
    expect(await send("GET", "/v1/../admin")).toMatch(/^HTTP\/1\.1 403 /);
    expect(await send("GET", "/v1/%2e%2e/admin")).toMatch(/^HTTP\/1\.1 403 /);
    expect(host.requests.length).toBe(1);
  });
});

describe("a credential", () => {
  const placeholder = placeholderOf("KEY");

  it("reaches its host over TLS, and its echo is hidden from the job", async () => {
    const { host, test } = await open([endpoint({})], (request, response) => {
      response.setHeader("X-Echo", String(request.headers["x-key"]));
      response.end(`got ${request.headers["x-key"]} and ${request.url}`);
    });
    const answer = await ask(
      test,
      get(`/?k=${placeholder}`, `X-Key: ${placeholder}\r\nAccept-Encoding: gzip\r\n`),
    );
    const [request] = host.requests;
    expect(request?.headers["x-key"]).toBe("top-secret");
    expect(request?.headers["accept-encoding"]).toBe("identity");
    expect(request?.url).toBe("/?k=top-secret");
    expect(answer).not.toContain("top-secret");
    expect(answer).toContain(`X-Echo: ${placeholder}`);
    expect(answer).toContain(`got ${placeholder} and /?k=${placeholder}`);
    await eventually(() => expect(test.records.length).toBe(2));
    expect(JSON.stringify(test.records)).not.toMatch(/top-secret|resolve:env/);
  });

  it("attack: an echo where a host says why, and in the name of a header", async () => {
    const { test } = await open([endpoint({})], (request, response) => {
      const key = String(request.headers["x-key"]);
      response.writeHead(200, `OK ${key}`, { [key]: "1", "X-Other": key }).end();
    });
    const answer = await ask(test, get("/", `X-Key: ${placeholder}\r\n`));
    expect(answer).not.toContain("top-secret");
    expect(answer).toContain(`HTTP/1.1 200 OK ${placeholder}\r\nX-Other: ${placeholder}`);
  });

  it("needs no rule of its host, and takes other hosts' TLS for nobody's business", async () => {
    const { host, test } = await open([]);
    await ask(test, get("/", `X-Key: ${placeholder}\r\n`));
    expect(host.requests[0]?.headers["x-key"]).toBe("top-secret");
    const other = await open([], undefined, "a.test");
    const elsewhere = await openTestLink(
      { hosts: { "a.test": internal({ 443: other.host.port }) } },
      { credentials: [{ ...KEY, host: "b.test" }] },
    );
    const socket = connect(elsewhere.socket("tls"));
    const secure = tlsConnect({ socket, servername: "a.test", ca: other.host.caPem });
    secure.write(get("/", `X-Key: ${placeholder}\r\n`));
    expect(await readAll(secure)).toContain("hello over tls");
    expect(other.host.requests[0]?.headers["x-key"]).toBe(placeholder);
  });

  it("reaches a host of the company in plain text, and never another host", async () => {
    const [own, other] = [await startHost(), await startHost()];
    const test = await openTestLink(
      { hosts: { "a.test": internal({ 80: own.port }), "b.test": internal({ 80: other.port }) } },
      { credentials: [KEY] },
    );
    for (const name of ["a.test", "b.test"]) {
      await test.send(
        `GET http://${name}/?k=${placeholder} HTTP/1.1\r\nHost: ${name}\r\nX: ${placeholder}\r\nConnection: close\r\n\r\n`,
      );
    }
    expect(own.requests[0]?.headers.x).toBe("top-secret");
    expect(other.requests[0]?.headers.x).toBe(placeholder);
    expect(other.requests[0]?.url).toBe(`/?k=${placeholder}`);
  });

  it("is not given to a request that the rules refuse", async () => {
    const { host, test } = await open([endpoint(onlyGet)]);
    expect(await ask(test, get("/other", `X: ${placeholder}\r\n`))).toMatch(/^HTTP\/1\.1 403 /);
    expect(host.requests).toEqual([]);
  });
});

describe("smuggling", () => {
  const head = "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\n";
  const hidden = "GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n";

  it.each([
    [
      "a length and chunks",
      `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    ],
    [
      "chunks and a length",
      `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${hidden}`,
    ],
    ["two lengths", `${head}Content-Length: 0\r\nContent-Length: 9\r\n\r\n${hidden}`],
    ["a length with a sign", `${head}Content-Length: +0\r\n\r\n${hidden}`],
    ["a hex length", `${head}Content-Length: 0x0\r\n\r\n${hidden}`],
    ["another coding", `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`],
    ["a coding after a tab", `${head}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${hidden}`],
    [
      "chunked twice",
      `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${hidden}`,
    ],
    ["a folded header", `${head}X: a\r\n Transfer-Encoding: chunked\r\n\r\n${hidden}`],
    ["a blank before the colon", `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`],
    ["a bare CR", `${head}X: a\rTransfer-Encoding: chunked\r\n\r\n${hidden}`],
    ["a NUL in a value", `${head}X: a\0b\r\n\r\n${hidden}`],
    ["a bad chunk size", `${head}Transfer-Encoding: chunked\r\n\r\n0x1\r\nA\r\n0\r\n\r\n${hidden}`],
    ["a second Host", `${head}Host: evil.test\r\n\r\n${hidden}`],
    ["another Host", `POST http://a.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n${hidden}`],
    [
      "an upgrade",
      `${head}Connection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n${hidden}`,
    ],
    ["a version of its own", `GET http://a.test/ HTTP/9.9\r\nHost: a.test\r\n\r\n${hidden}`],
    ["the preface of HTTP/2", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`],
    ["a head without end", `${head}X: ${"x".repeat(40_000)}`],
  ])("by %s gets nothing hidden through", async (_what, bytes) => {
    const host = await startHost();
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: host.port }) } });
    const answer = await test.send(bytes);
    expect(answer.match(/^HTTP\/1\.1 \d+/gm)?.filter((line) => line.endsWith("200")) ?? []).toEqual(
      host.requests.map(() => "HTTP/1.1 200"),
    );
    expect(host.requests.map(({ url }) => url)).not.toContain("/hidden");
    for (const { headers } of host.requests) expect(headers.host).toBe("a.test");
    expect(test.records.some(({ decision }) => decision === "deny")).toBe(true);
  });
});
