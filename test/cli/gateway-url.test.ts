import { describe, expect, it } from "vitest";
import { gatewayUrl, localUrl } from "../../cli/gateway-url.ts";
import { settingsSchema } from "../../config/schema.ts";

const serverOf = (server: object) => settingsSchema.parse({ server }).server;

describe("where this machine reaches the gateway", () => {
  it.each([
    ["127.0.0.1", "http://127.0.0.1:8080"],
    ["0.0.0.0", "http://127.0.0.1:8080"],
    ["::", "http://[::1]:8080"],
    ["::1", "http://[::1]:8080"],
    ["chat.internal", "http://chat.internal:8080"],
  ])("is, for one that listens on %s, %s", (host, url) => {
    expect(localUrl(serverOf({ host, port: 8080 }))).toBe(url);
    expect(new URL("/callback", url).pathname).toBe("/callback");
  });

  it("begins with https where the gateway has a certificate", () => {
    const tls = { cert_file: "tls.crt", key_file: "tls.key" };
    expect(localUrl(serverOf({ port: 8443, tls }))).toBe("https://127.0.0.1:8443");
  });

  it("is where platforms find it as well, unless public_url says otherwise", () => {
    expect(gatewayUrl({ server: serverOf({ port: 8080 }) })).toBe("http://127.0.0.1:8080");
    const public_url = "https://chat.example.com";
    expect(gatewayUrl({ server: serverOf({ port: 8080, public_url }) })).toBe(public_url);
  });
});
