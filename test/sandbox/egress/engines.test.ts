import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { closeCell, openCell } from "../../../sandbox/cell.ts";
import { findCgroups } from "../../../sandbox/cgroup/cgroup.ts";
import type { Language, Run, SandboxDriver } from "../../../sandbox/driver.ts";
import { createBubblewrapDriver } from "../../../sandbox/drivers/bubblewrap.ts";
import { createGvisorDriver } from "../../../sandbox/drivers/gvisor.ts";
import type { EgressDecision, EgressRun } from "../../../sandbox/egress/egress.ts";
import { createEgress, type EgressOptions } from "../../../sandbox/egress/proxy.ts";
import { createLimits } from "../../../sandbox/policy.ts";
import { createWorkshop, type Workshop } from "../../../sandbox/workshop.ts";
import { SETTINGS } from "../sandbox-fixture.ts";
import {
  cleanUp,
  internal,
  RUN,
  startHost,
  startTlsHost,
  temporaryFolder,
} from "./egress-fixture.ts";

const ENGINES_FOLDER = new URL("../../../.engines", import.meta.url).pathname;
const DRIVERS: Readonly<Record<string, (workshop: Workshop) => SandboxDriver>> = {
  gvisor: (workshop) => createGvisorDriver(workshop, { enginesFolder: ENGINES_FOLDER }),
  bubblewrap: createBubblewrapDriver,
};
const EXECUTION = { ...SETTINGS.execution, max_memory_mb: 512 };
const LIMITS = createLimits({ ...SETTINGS, execution: EXECUTION })({ wallSeconds: 30 });

for (const [name, create] of Object.entries(DRIVERS)) {
  const isRoot = process.getuid?.() === 0;
  const stateFolder = mkdtempSync(join(tmpdir(), "egr-"));
  const workshop = isRoot
    ? await createWorkshop(stateFolder, findCgroups(), SETTINGS.filesystem)
    : undefined;
  const driver = workshop && create(workshop);
  const probe = await driver?.probe();
  if (probe?.ok !== true) console.warn(`${name} does not work here: its way out is not tried`);

  /** Runs a source with a way out and gives back its output and what was recorded. */
  const run = async (
    language: Language,
    source: string,
    options: Partial<EgressOptions>,
    bound: Partial<EgressRun> = {},
  ) => {
    if (driver === undefined) throw new Error("no driver");
    const folder = temporaryFolder();
    chmodSync(folder, 0o711);
    const egress = createEgress({
      network: { mode: "whitelist", allowed_domains: ["a.test"], blocked_ports: [22] },
      resolve: async () => [],
      ...options,
      folder,
    });
    const records: EgressDecision[] = [];
    const spec = { tenantId: "acme", language, limits: LIMITS, readonly: new Map() };
    const cell = await openCell(driver, egress, { ...spec, hasNetwork: true });
    try {
      cell.link?.bind({ ...RUN, record: (decision) => records.push(decision), ...bound });
      const request = {
        runId: "run",
        tenantId: "acme",
        origin: {},
        language,
        program: { kind: "source", text: source },
        argv: [],
        stdin: Buffer.alloc(0),
        env: {},
        limits: LIMITS,
        readonly: new Map(),
        egress: "settings",
        credentials: [],
      } as const;
      const observed: Run = { request, observe: () => "go on", lost: () => {} };
      const result = await driver.dispatch(cell.slot, observed, new AbortController().signal);
      const out = result.stdout.toString();
      return { result, out, err: result.stderr.toString(), records };
    } finally {
      await closeCell(driver, cell);
      await egress.close();
    }
  };

  /** A plain and a TLS server that are a.test, with the file that vouches for the second. */
  const startHosts = async () => {
    const plain = await startHost((request, response) => response.end(`plain ${request.url}`));
    const tls = await startTlsHost("a.test", (request, response) =>
      response.end(`tls ${request.url}`),
    );
    const file = join(temporaryFolder(), "ca.pem");
    writeFileSync(file, tls.caPem);
    const ports = {
      80: plain.port,
      8080: plain.port,
      22: plain.port,
      443: tls.port,
      8443: tls.port,
    };
    return { hosts: { "a.test": internal(ports) }, egress_ca_file: file };
  };

  describe.skipIf(probe?.ok !== true && process.env.CI !== "true")(`the way out of ${name}`, () => {
    afterEach(cleanUp);
    afterAll(async () => {
      await workshop?.close();
      rmSync(stateFolder, { recursive: true, force: true });
    });

    it("serves curl and what else bash has, proxy or not", async () => {
      const { out, err, records } = await run(
        "bash",
        `for url in http://a.test/1 https://a.test/2 http://a.test:8080/3 https://a.test:8443/4; do
           curl -sS "$url"; echo
         done
         curl -sS --noproxy '*' http://a.test/5; echo
         curl -sS --noproxy '*' https://a.test/6; echo
         wget -qO- https://a.test/7; echo
         exec 3<>/dev/tcp/a.test/80
         printf 'GET /8 HTTP/1.1\\r\\nHost: a.test\\r\\nConnection: close\\r\\n\\r\\n' >&3
         tail -1 <&3; echo
         curl -s -o /dev/null -w '%{http_code}' http://evil.test/; echo
         curl -s -o /dev/null -w '%{http_connect}' https://evil.test/; echo
         curl -s -o /dev/null -w '%{http_code}' http://a.test:22/; echo
         curl -s --noproxy '*' https://evil.test/ || echo no
         curl -s --noproxy '*' http://93.184.216.34/ || echo no`,
        await startHosts(),
      );
      expect({ out: out.trim().split("\n"), err }).toEqual({
        out: [
          ...[
            "plain /1",
            "tls /2",
            "plain /3",
            "tls /4",
            "plain /5",
            "tls /6",
            "tls /7",
            "plain /8",
          ],
          ...["403", "403", "403", "no", "no"],
        ],
        err: "",
      });
      expect(records.filter(({ decision }) => decision === "deny").length).toBe(3);
      expect(records.filter(({ decision }) => decision === "allow").length).toBe(8);
    });

    it("serves Python's clients, those that know of no proxy too", async () => {
      const { out, err, records } = await run(
        "python",
        `import http.client, socket, ssl, urllib.request, urllib.error
for url in ("http://a.test/1", "https://a.test/2", "https://a.test:8443/3"):
    print(urllib.request.urlopen(url).read().decode())
for kind in (http.client.HTTPConnection, http.client.HTTPSConnection):
    client = kind("a.test")
    client.request("GET", "/4")
    print(client.getresponse().read().decode())
raw = ssl.create_default_context().wrap_socket(socket.create_connection(("a.test", 443)), server_hostname="a.test")
raw.sendall(b"GET /5 HTTP/1.0\\r\\nHost: a.test\\r\\n\\r\\n")
print(raw.makefile("rb").read().decode().splitlines()[-1])
try:
    urllib.request.urlopen("http://169.254.169.254/latest/meta-data/")
except urllib.error.HTTPError as error:
    print(error.code)
try:
    socket.getaddrinfo("evil.test", 443)
except socket.gaierror:
    print("no name")
try:
    socket.create_connection(("93.184.216.34", 443), 5)
except OSError:
    print("no route")
`,
        await startHosts(),
      );
      expect({ out: out.trim().split("\n"), err }).toEqual({
        out: [
          ...["plain /1", "tls /2", "tls /3", "plain /4", "tls /4", "tls /5"],
          ...["403", "no name", "no route"],
        ],
        err: "",
      });
      expect(records).toContainEqual(
        expect.objectContaining({ host: "169.254.169.254", decision: "deny" }),
      );
    });

    it("serves Node's fetch and http clients", async () => {
      const { out, err, records } = await run(
        "javascript",
        `const http = require("node:http"), https = require("node:https");
const get = (client, url, options = {}) => new Promise((done, fail) =>
  client.get(url, options, (answer) => { let text = ""; answer.on("data", (c) => text += c).on("end", () => done(text)); }).on("error", fail));
(async () => {
  for (const url of ["http://a.test/1", "https://a.test/2", "http://a.test:8080/3", "https://a.test:8443/4"])
    console.log(await (await fetch(url)).text());
  console.log(await (await fetch("http://a.test/post", { method: "POST", body: "x".repeat(100000) })).text());
  console.log(await get(http, "http://a.test:8080/5"));
  console.log(await get(https, "https://a.test:8443/6"));
  console.log(await get(https, "https://a.test/7", { agent: new https.Agent({ keepAlive: true }) }));
  console.log((await fetch("http://evil.test/")).status);
  await fetch("https://evil.test/").catch((error) => console.log(error.cause.message));
  await get(https, "https://evil.test/").catch((error) => console.log(error.code));
  const own = http.createServer((request, answer) => answer.end("own")).listen(9000, "127.0.0.1", async () => {
    console.log(await (await fetch("http://127.0.0.1:9000/")).text());
    process.exit(0);
  });
})().catch((error) => { console.error(error); process.exit(1); });
`,
        await startHosts(),
      );
      expect({ out: out.trim().split("\n"), err }).toEqual({
        out: [
          ...["plain /1", "tls /2", "plain /3", "tls /4", "plain /post", "plain /5", "tls /6"],
          ...["tls /7", "403"],
          "openshell: refused: the host is not in openshell.network.allowed_domains (evil.test:443)",
          ...["ERR_EGRESS_REFUSED", "own"],
        ],
        err: "",
      });
      expect(records.filter(({ decision }) => decision === "deny").length).toBe(3);
    });

    it("ends TLS where the tenant lets it: rules hold, and a credential stays outside", async () => {
      const seen: (string | undefined)[] = [];
      const tls = await startTlsHost("a.test", (request, response) => {
        seen.push(request.headers.authorization);
        response.end(`you are ${request.headers.authorization}`);
      });
      const file = join(temporaryFolder(), "ca.pem");
      writeFileSync(file, tls.caPem);
      const { out, records } = await run(
        "bash",
        `curl -sS -H "Authorization: Bearer openshell:resolve:env:KEY" https://a.test/v1/x?q=1; echo
         curl -sS -o /dev/null -w '%{http_code}' -X DELETE https://a.test/v1/x; echo
         python3 -c 'import urllib.request as u; print(u.urlopen("https://a.test/v1/y").status)'
         node -e 'fetch("https://a.test/v1/z").then((a) => console.log(a.status))'`,
        {
          hosts: { "a.test": internal({ 443: tls.port }) },
          egress_ca_file: file,
          rules: () => [
            {
              host: "a.test",
              ports: [443],
              tls: "terminate",
              allow: [{ method: "GET", path: "/v1/**", query: {} }],
              deny: [],
            },
          ],
        },
        { credentials: [{ name: "KEY", secret: "top-secret", host: "a.test" }] },
      );
      expect(out.trim().split("\n")).toEqual([
        "you are Bearer openshell:resolve:env:KEY",
        ...["403", "200", "200"],
      ]);
      expect(seen[0]).toBe("Bearer top-secret");
      expect(JSON.stringify(records)).not.toContain("top-secret");
      expect(records).toContainEqual(
        expect.objectContaining({ method: "DELETE", path: "/v1/x", decision: "deny" }),
      );
    });
  });
}
