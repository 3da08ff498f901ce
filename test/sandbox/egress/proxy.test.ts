import { existsSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connect as tlsConnect } from "node:tls";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createEgress } from "../../../sandbox/egress/proxy.ts";
import { eventually } from "../../fakes/eventually.ts";
import {
  cleanUp,
  internal,
  openTestLink,
  RUN,
  readAll,
  readUntil,
  startHost,
  startRawHost,
  startTlsHost,
  type TestLink,
  temporaryFolder,
} from "./egress-fixture.ts";

afterEach(cleanUp);

const get = (url: string, more = "") => {
  const { host } = new URL(url);
  return `GET ${url} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;
};

/** Asks for a tunnel; resolves with the connection once it is open, else with what was answered. */
const openTunnel = async (test: TestLink, authority: string) => {
  const socket = connect(test.socket());
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const answer = await readUntil(socket, /\r\n\r\n/);
  return { socket, answer };
};

const overTunnel = async (test: TestLink, authority: string, servername: string, ca: string) => {
  const { socket } = await openTunnel(test, authority);
  const secure = tlsConnect({ socket, servername, ca });
  secure.on("error", () => {});
  secure.write(`GET /x HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
  return readAll(secure);
};

describe("a link", () => {
  it("has sockets that everyone may use, in a folder that everyone may read", async () => {
    const { link, socket } = await openTestLink({});
    expect(statSync(link.wayOut.folder).mode & 0o777).toBe(0o755);
    expect(statSync(socket()).mode & 0o777).toBe(0o666);
    expect(link.wayOut.hosts).toBe("127.0.0.2 a.test\n127.0.0.2 b.test\n");
  });

  it("lets nothing pass before a run is bound to it, and only one run", async () => {
    const host = await startHost();
    const egress = createEgress({
      network: { mode: "whitelist", allowed_domains: ["a.test"] },
      hosts: { "a.test": internal({ 80: host.port }) },
      folder: temporaryFolder(),
    });
    const link = await egress.open("slot", "acme");
    const client = connect(join(link.wayOut.folder, "egress.sock"));
    client.write(get("http://a.test/"));
    expect(await readAll(client)).toBe("");
    expect(host.requests).toEqual([]);
    link.bind(RUN);
    expect(() => link.bind(RUN)).toThrow("bound to a run already");
    await egress.close();
    await expect(egress.open("other", "acme")).rejects.toThrow("closed");
  });

  it("ends every connection and is gone when it is closed, and records what it cut off", async () => {
    const port = await startRawHost((socket) => socket.write("HTTP/1.1 200 OK\r\n\r\npart"));
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: port }) } });
    const client = connect(test.socket());
    client.write(get("http://a.test/slow"));
    await readUntil(client, /part/);
    const ended = readAll(client);
    await Promise.all([test.link.close(), test.link.close()]);
    await ended;
    expect(existsSync(test.link.wayOut.folder)).toBe(false);
    expect(test.records).toMatchObject([{ host: "a.test", decision: "allow", path: "/slow" }]);
  });

  it("serves no more than its share of connections at once", async () => {
    const test = await openTestLink({});
    const clients = Array.from({ length: 1000 }, () => connect(test.socket()));
    const closed = clients.map(
      (client) =>
        new Promise<void>((done) => client.on("error", () => {}).on("close", () => done())),
    );
    let gone = 0;
    for (const each of closed) each.then(() => gone++);
    await eventually(() => expect(gone).toBe(1000 - 256));
    expect(test.records[0]).toMatchObject({
      decision: "deny",
      rule: "more than 256 connections at once",
    });
    expect(test.records.length).toBeLessThan(5);
    for (const client of clients) client.destroy();
  });
});

describe("plain requests", () => {
  it("reach an allowed host with a head of our own making", async () => {
    const host = await startHost((_request, response) => {
      response.setHeader("X-Back", "1");
      response.setHeader("Keep-Alive", "timeout=9");
      response.end("hello");
    });
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: host.port }) } });
    const answer = await test.send(
      get(
        "http://A.test./x?token=1",
        "X-Own: 1\r\nProxy-Authorization: x\r\nTE: trailers\r\nX-Hop: 1\r\nConnection: x-hop\r\n",
      ),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain("X-Back: 1");
    expect(answer).not.toContain("timeout=9");
    expect(answer).toMatch(/hello$/);
    const [request] = host.requests;
    expect(request?.url).toBe("/x?token=1");
    expect(request?.headers).toEqual({
      host: "a.test",
      "x-own": "1",
      connection: "keep-alive",
    });
    await eventually(() =>
      expect(test.records).toMatchObject([
        {
          method: "GET",
          host: "a.test",
          port: 80,
          path: "/x",
          decision: "allow",
          rule: "openshell.network.allowed_domains",
        },
      ]),
    );
    expect(JSON.stringify(test.records)).not.toContain("token");
    expect(test.records[0]?.receivedBytes).toBeGreaterThan(5);
    expect(test.records[0]?.sentBytes).toBeGreaterThan(5);
  });

  it("carry bodies both ways, with a length and in chunks", async () => {
    const host = await startHost((request, response) => request.pipe(response));
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: host.port }) } });
    const head = "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n";
    expect(await test.send(`${head}Content-Length: 5\r\n\r\n12345`)).toContain("12345");
    expect(
      await test.send(`${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`),
    ).toContain("abcde");
    const large = "x".repeat(3_000_000);
    expect(
      (await test.send(`${head}Content-Length: ${large.length}\r\n\r\n${large}`)).length,
    ).toBeGreaterThan(large.length);
    expect(host.requests.map(({ headers }) => headers["content-length"])).toEqual([
      "5",
      undefined,
      String(large.length),
    ]);
  });

  it("are each judged when several come through one connection", async () => {
    const host = await startHost();
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: host.port }) } });
    const keep = "GET http://a.test/1 HTTP/1.1\r\nHost: a.test\r\n\r\n";
    const answer = await test.send(`${keep}${get("http://evil.test/")}`);
    expect(answer).toMatch(/200 OK[\s\S]*hello[\s\S]*403 Forbidden/);
    expect(host.requests.length).toBe(1);
  });

  it("get a redirect as it is, and are refused where it leads", async () => {
    const host = await startHost((_request, response) =>
      response.writeHead(302, { location: "http://evil.test/" }).end(),
    );
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: host.port }) } });
    expect(await test.send(get("http://a.test/"))).toMatch(/302 Found[\s\S]*http:\/\/evil\.test\//);
    expect(await test.send(get("http://evil.test/"))).toMatch(/^HTTP\/1\.1 403 /);
  });

  it("are served by Host where /etc/hosts led a client that knows of no proxy", async () => {
    const host = await startHost();
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: host.port }) } });
    const direct = (name: string) =>
      test.send(`GET /p HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`, "http");
    expect(await direct("a.test")).toContain("hello");
    expect(await direct("evil.test")).toMatch(/^HTTP\/1\.1 403 /);
    expect(await direct("127.0.0.1")).toMatch(/^HTTP\/1\.1 403 /);
    expect(await test.send(get("http://a.test/"), "http")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await test.send("CONNECT a.test:443 HTTP/1.1\r\n\r\n", "http")).toBe("");
  });

  it("that are no more than a path are refused by the proxy's own port", async () => {
    const test = await openTestLink({});
    const answer = await test.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*whole URL/);
    expect(test.records).toMatchObject([{ decision: "deny", method: "GET" }]);
  });
});

describe("a destination", () => {
  it.each([
    ["http://evil.test/", "allowed_domains"],
    ["http://sub.a.test/", "allowed_domains"],
    ["http://a.test.evil.test/", "allowed_domains"],
    ["http://127.0.0.1/", "addresses are refused"],
    ["http://0x7f000001/", "addresses are refused"],
    ["http://[::1]/", "addresses are refused"],
    ["http://a.test:22/", "blocked_ports"],
    ["http://a.test:3389/", "blocked_ports"],
  ])("such as %s is refused and recorded (%s)", async (url, rule) => {
    const resolve = vi.fn(async () => ["93.184.216.34"]);
    const test = await openTestLink({
      network: { mode: "whitelist", allowed_domains: ["a.test"], blocked_ports: [22, 3389] },
      resolve,
    });
    const authority = /\/\/([^/]*)/.exec(url)?.[1] ?? "";
    const answer = await test.send(`GET ${url} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden/);
    expect(answer).toContain(rule);
    expect(test.records).toMatchObject([{ decision: "deny", rule: expect.stringContaining(rule) }]);
    const withPort = /:\d+$/.test(authority) ? authority : `${authority}:443`;
    const tunnel = await test.send(`CONNECT ${withPort} HTTP/1.1\r\n\r\n`);
    expect(tunnel).toMatch(/^HTTP\/1\.1 403 Forbidden/);
    expect(test.records.length).toBe(2);
    expect(resolve).not.toHaveBeenCalled();
  });

  it("is judged by the port that was asked for, then dialled by the map", async () => {
    const host = await startHost();
    const test = await openTestLink({
      network: { mode: "whitelist", allowed_domains: ["a.test"], blocked_ports: [host.port] },
      hosts: { "a.test": internal({ 8080: host.port }) },
    });
    expect(await test.send(get("http://a.test:8080/"))).toContain("hello");
    expect(await test.send(get(`http://a.test:${host.port}/`))).toContain("blocked_ports");
  });

  it("may be narrowed to what the run asked for", async () => {
    const host = await startHost();
    const test = await openTestLink(
      {
        hosts: {
          "a.test": internal({ 80: host.port, 81: host.port }),
          "b.test": internal({ 80: host.port }),
        },
      },
      { only: [{ host: "A.test", port: 80 }] },
    );
    expect(await test.send(get("http://a.test/"))).toContain("hello");
    expect(await test.send(get("http://a.test:81/"))).toContain("did not ask");
    expect(await test.send(get("http://b.test/"))).toContain("did not ask");
  });

  it("gets nothing from openshell.hosts that the list does not allow", async () => {
    const host = await startHost();
    const test = await openTestLink({ hosts: { "c.test": internal({ 80: host.port }) } });
    expect(await test.send(get("http://c.test/"))).toContain("allowed_domains");
    expect(host.requests).toEqual([]);
  });

  it("is refused when any of its addresses is private, metadata's included", async () => {
    const host = await startHost();
    const answers: string[][] = [
      ["127.0.0.1"],
      ["93.184.216.34", "10.0.0.1"],
      ["169.254.169.254"],
      ["::ffff:169.254.169.254"],
      ["fd00:ec2::254"],
      ["100.100.100.200"],
    ];
    for (const addresses of answers) {
      const test = await openTestLink({
        resolve: async () => addresses,
        hosts: { "a.test": { port_map: { 80: host.port } } },
      });
      expect(await test.send(get("http://a.test/"))).toContain("not public");
      expect(test.records).toMatchObject([{ decision: "deny" }]);
    }
    expect(host.requests).toEqual([]);
  });

  it("is resolved once a request: a name server that changes its mind gains nothing", async () => {
    let calls = 0;
    const resolve = async () => [calls++ === 0 ? "192.0.2.1" : "127.0.0.1"];
    const host = await startHost();
    const test = await openTestLink({
      resolve,
      hosts: { "a.test": { port_map: { 80: host.port } } },
    });
    expect(await test.send(get("http://a.test/"))).toContain("not public");
    expect(calls).toBe(1);
    expect(await test.send(get("http://a.test/"))).toContain("not public");
    expect(host.requests).toEqual([]);
  });

  it("that has no address, or none in time, is an error of its own", async () => {
    const none = await openTestLink({ resolve: () => Promise.reject(new Error("ENOTFOUND")) });
    expect(await none.send(get("http://a.test/"))).toMatch(
      /^HTTP\/1\.1 502 [\s\S]*does not resolve/,
    );
    const late = await openTestLink({
      resolve: () => new Promise(() => {}),
      timeouts: { resolveMs: 20 },
    });
    expect(await late.send(get("http://a.test/"))).toMatch(/^HTTP\/1\.1 504 [\s\S]*in time/);
  });
});

describe("a tunnel", () => {
  it("carries TLS to the host that it names", async () => {
    const host = await startTlsHost("a.test");
    const test = await openTestLink({ hosts: { "a.test": internal({ 443: host.port }) } });
    expect(await overTunnel(test, "a.test:443", "a.test", host.caPem)).toContain("hello over tls");
    await eventually(() =>
      expect(test.records).toMatchObject([
        { method: "CONNECT", host: "a.test", port: 443, decision: "allow" },
      ]),
    );
    expect(test.records[0]?.sentBytes).toBeGreaterThan(200);
    expect(test.records[0]?.receivedBytes).toBeGreaterThan(200);
  });

  it("is cut when TLS names another host, allowed or not", async () => {
    const host = await startTlsHost("b.test");
    const test = await openTestLink({ hosts: { "a.test": internal({ 443: host.port }) } });
    expect(await overTunnel(test, "a.test:443", "b.test", host.caPem)).toBe("");
    expect(host.requests).toEqual([]);
    expect(test.records).toMatchObject([
      { decision: "deny", rule: expect.stringContaining("b.test") },
    ]);
  });

  it("is cut when TLS names no host", async () => {
    const host = await startTlsHost("a.test");
    const test = await openTestLink({ hosts: { "a.test": internal({ 443: host.port }) } });
    expect(await overTunnel(test, "a.test:443", "", host.caPem)).toBe("");
    expect(test.records).toMatchObject([
      { decision: "deny", rule: "the ClientHello has no server name" },
    ]);
  });

  it("passes nothing that is not TLS, sent along with the CONNECT or after it", async () => {
    let got = "";
    const port = await startRawHost((socket) => {
      socket.on("data", (chunk) => {
        got += chunk;
      });
    });
    const test = await openTestLink({ hosts: { "a.test": internal({ 22222: port, 443: port }) } });
    const head = "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n";
    expect(await test.send(`${head}GET / HTTP/1.1\r\nHost: a.test\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 200 [\s\S]*403 Forbidden[\s\S]*only TLS/,
    );
    const { socket } = await openTunnel(test, "a.test:22222");
    socket.write("SSH-2.0-x\r\n");
    expect(await readAll(socket)).toContain("only TLS");
    expect(got).toBe("");
    expect(test.records.map(({ decision }) => decision)).toEqual(["deny", "deny"]);
  });

  it("takes a ClientHello that comes along with the CONNECT, and one byte at a time", async () => {
    const host = await startTlsHost("a.test");
    const test = await openTestLink({ hosts: { "a.test": internal({ 443: host.port }) } });
    const outer = connect(test.socket());
    const pieces: Buffer[] = [];
    const { Duplex } = await import("node:stream");
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        pieces.push(chunk);
        done();
      },
    });
    const secure = tlsConnect({ socket: wire, servername: "a.test", ca: host.caPem });
    secure.on("error", () => {});
    await eventually(() => expect(pieces.length).toBeGreaterThan(0));
    const hello = Buffer.concat(pieces.splice(0));
    outer.write(
      Buffer.concat([Buffer.from("CONNECT a.test:443 HTTP/1.1\r\n\r\n"), hello.subarray(0, 9)]),
    );
    const answered = readUntil(outer, /\r\n\r\n[\s\S]+/);
    outer.setNoDelay(true);
    for (const byte of hello.subarray(9)) outer.write(Buffer.from([byte]));
    expect((await answered).split("\r\n\r\n")[1]?.charCodeAt(0)).toBe(22); // the host's own handshake
    outer.destroy();
    secure.destroy();
  });

  it("is refused for a Host header that names another place, a second one, or a body", async () => {
    const test = await openTestLink({ resolve: async () => ["93.184.216.34"] });
    const refused = async (lines: string) =>
      test.send(`CONNECT a.test:443 HTTP/1.1\r\n${lines}\r\n`);
    expect(await refused("Host: b.test:443\r\n")).toMatch(/^HTTP\/1\.1 403 /);
    expect(await refused("Host: a.test:443\r\nHost: b.test\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await refused("Host: a.test:443\r\nContent-Length: 3\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await test.send("CONNECT a.test HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(test.records.length).toBe(4);
  });

  it("is where direct TLS goes, by the name that it gives", async () => {
    const host = await startTlsHost("a.test");
    const test = await openTestLink({ hosts: { "a.test": internal({ 443: host.port }) } });
    const ask = (servername: string) => {
      const secure = tlsConnect({ path: test.socket("tls"), servername, ca: host.caPem });
      secure.write("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
      return readAll(secure);
    };
    expect(await ask("a.test")).toContain("hello over tls");
    expect(await ask("evil.test")).toBe("");
    expect(await test.send("GET / HTTP/1.1\r\n\r\n", "tls")).toContain("only TLS");
    expect(test.records).toMatchObject([
      { method: "TLS", host: "a.test", decision: "allow" },
      { method: "TLS", host: "evil.test", decision: "deny" },
      { method: "TLS", host: "", decision: "deny" },
    ]);
  });
});

describe("waiting", () => {
  it("ends for a head that drips in, and for a ClientHello that never comes", async () => {
    const port = await startRawHost(() => {});
    const test = await openTestLink({
      timeouts: { headMs: 40 },
      hosts: { "a.test": internal({ 443: port }) },
    });
    expect(await test.send("GET http://a.test/ HTTP/1.1\r\nX: ")).toMatch(/^HTTP\/1\.1 400 /);
    const { socket } = await openTunnel(test, "a.test:443");
    expect(await readAll(socket)).toContain("no ClientHello came in time");
    expect(test.records.map(({ decision }) => decision)).toEqual(["deny", "deny"]);
  });

  it("ends for a host that takes a request and never answers", async () => {
    const port = await startRawHost(() => {});
    const test = await openTestLink({
      timeouts: { idleMs: 50 },
      hosts: { "a.test": internal({ 80: port }) },
    });
    expect(await test.send(get("http://a.test/"))).toMatch(/^HTTP\/1\.1 504 /);
    expect(test.records).toMatchObject([
      { decision: "allow", rule: expect.stringContaining("in time") },
    ]);
  });

  it("attack: ends for a host that announces its answer again and again", async () => {
    const port = await startRawHost((socket) => {
      const announce = () => {
        if (!socket.destroyed) socket.write("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", announce);
      };
      socket.once("data", announce);
    });
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: port }) } });
    expect(await test.send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 502 [\s\S]*without end/,
    );
  });

  it("is not needed for a host that refuses connections", async () => {
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: 1, 443: 1 }) } });
    expect(await test.send(get("http://a.test/"))).toMatch(/^HTTP\/1\.1 502 [\s\S]*ECONNREFUSED/);
    expect((await openTunnel(test, "a.test:443")).answer).toMatch(/^HTTP\/1\.1 502 /);
  });

  it("of the host ends when the client goes", async () => {
    let hasClosed = false;
    const port = await startRawHost((socket) => {
      socket.resume().on("end", () => {
        hasClosed = true;
      });
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
    });
    const test = await openTestLink({ hosts: { "a.test": internal({ 80: port }) } });
    const client = connect(test.socket());
    client.write(get("http://a.test/"));
    await readUntil(client, /200 OK/);
    client.destroy();
    await eventually(() => expect(hasClosed).toBe(true));
    await eventually(() => expect(test.records).toMatchObject([{ decision: "allow" }]));
  });
});

describe("openshell.egress_ca_file", () => {
  it("is trusted inside beside the system's roots", async () => {
    const { caPem } = await startTlsHost("a.test");
    const file = join(temporaryFolder(), "ca.pem");
    writeFileSync(file, caPem);
    const { link } = await openTestLink({ egress_ca_file: file });
    expect(link.wayOut.env).toMatchObject({
      SSL_CERT_FILE: "/run/openshell/ca-certificates.pem",
      NODE_EXTRA_CA_CERTS: "/run/openshell/added-ca.pem",
    });
    expect(statSync(join(link.wayOut.folder, "ca-certificates.pem")).size).toBeGreaterThan(
      caPem.length,
    );
    expect(statSync(join(link.wayOut.folder, "ca-certificates.pem")).mode & 0o777).toBe(0o644);
  });

  it("that holds no certificate is refused at the start", () => {
    const file = join(temporaryFolder(), "ca.pem");
    const network = { mode: "whitelist", allowed_domains: [] } as const;
    const open = () => createEgress({ network, folder: temporaryFolder(), egress_ca_file: file });
    expect(open).toThrow("cannot be read");
    writeFileSync(file, "hello");
    expect(open).toThrow("no certificate");
  });
});
