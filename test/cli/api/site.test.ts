import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { createSiteCheck } from "../../../cli/api/site.ts";

const TLS = { cert_file: "c", key_file: "k" };

const isOurs = (
  server: Parameters<typeof createSiteCheck>[0],
  headers: Readonly<Record<string, string>>,
  localAddress = "10.0.0.5",
): boolean => {
  try {
    createSiteCheck(server)({ headers, socket: { localAddress } } as unknown as IncomingMessage);
    return true;
  } catch {
    return false;
  }
};

it("takes the public URL, its page, and the address that the connection came to", () => {
  const server = { host: "0.0.0.0", public_url: "https://bot.example", tls: TLS };
  expect(isOurs(server, { host: "bot.example" })).toBe(true);
  expect(isOurs(server, { host: "BOT.example:443", origin: "https://bot.example" })).toBe(true);
  expect(isOurs(server, { host: "10.0.0.5:18789" })).toBe(true);
  expect(isOurs(server, { host: "10.0.0.6:18789" })).toBe(false);
  expect(isOurs(server, { host: "localhost:18789" })).toBe(false);
  expect(isOurs(server, { host: "localhost:18789" }, "127.0.0.1")).toBe(true);
  expect(isOurs(server, { host: "[::1]:18789" }, "::1")).toBe(true);
  expect(isOurs(server, { host: "10.0.0.5:1" }, "::ffff:10.0.0.5")).toBe(true);
});

it("takes a page behind a proxy that ends TLS by its public address", () => {
  const server = { host: "10.0.0.5", public_url: "https://bot.example" };
  expect(isOurs(server, { host: "bot.example", origin: "https://bot.example" })).toBe(true);
  expect(isOurs(server, { host: "10.0.0.5", origin: "https://bot.example" })).toBe(true);
});

it("attack: no look-alike of our address gets through", () => {
  const server = { host: "bot.internal", public_url: "https://bot.example", tls: TLS };
  expect(isOurs(server, { host: "bot.internal:18789" })).toBe(true);
  for (const host of [
    ...["bot.example.evil.test", "evil.test#bot.example", "evil.test/@bot.example", ""],
    ...["bot.example@evil.test", "user@bot.example", "bot.example/x", "bot.example?x", "a b"],
  ]) {
    expect(isOurs(server, { host }), host).toBe(false);
  }
  for (const origin of [
    ...["https://evil.test", "null", "", "http://bot.example", "https://bot.example:444"],
    ...["https://bot.example.evil.test", "file://"],
  ]) {
    expect(isOurs(server, { host: "bot.example", origin }), origin).toBe(false);
  }
});
