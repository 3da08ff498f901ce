import { afterEach, describe, expect, it } from "vitest";
import { openTestSandbox } from "../sandbox-fixture.ts";
import { cleanUp, internal, startHost } from "./egress-fixture.ts";

afterEach(cleanUp);

describe.skipIf(process.getuid?.() !== 0 && process.env.CI !== "true")("openshell.network", () => {
  it("opens what it lists, and gives a job its credential's placeholder only", async () => {
    const host = await startHost((request, response) =>
      response.end(`for ${request.headers.host}`),
    );
    const test = openTestSandbox("bubblewrap", {
      network: { mode: "whitelist", allowed_domains: ["a.test"], blocked_ports: [8080] },
      hosts: { "a.test": internal({ 80: host.port, 8080: host.port }) },
    });
    try {
      const { stdout, stderr, verdict, reason, detail } = await test.run(
        "bash",
        `curl -sS -H "X-Key: $KEY" http://a.test/; echo
         curl -s -o /dev/null -w '%{http_code}' http://a.test:8080/; echo
         echo "$KEY"`,
        {
          request: {
            egress: "settings",
            credentials: [{ name: "KEY", secret: "top-secret", host: "a.test" }],
          },
        },
      );
      expect({ verdict, reason, detail, stderr: stderr.toString() }).toEqual({
        verdict: "ok",
        stderr: "",
      });
      expect(stdout.toString()).toBe("for a.test\n403\nopenshell:resolve:env:KEY\n");
      expect(host.requests.map(({ headers }) => headers["x-key"])).toEqual(["top-secret"]);
      const closed = await test.run("bash", "curl -s http://a.test/ || echo none", {});
      expect(closed.stdout.toString()).toBe("none\n");
    } finally {
      await test.close();
    }
  });
});
