import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { createClientAddress } from "../../../cli/api/client-address.ts";

const addressOf = createClientAddress(["10.0.0.0/8", "2001:db8::1"]);
const from = (remoteAddress: string, forwardedFor?: string) =>
  addressOf({
    socket: { remoteAddress },
    headers: { "x-forwarded-for": forwardedFor },
  } as unknown as IncomingMessage);

it("is the connection's other end, in one form", () => {
  expect(from("192.0.2.1")).toBe("192.0.2.1");
  expect(from("::ffff:192.0.2.1")).toBe("192.0.2.1");
});

it("is whom a declared proxy saw, through a chain of them", () => {
  expect(from("10.1.2.3", "192.0.2.1")).toBe("192.0.2.1");
  expect(from("::ffff:10.1.2.3", "192.0.2.1, 10.9.9.9")).toBe("192.0.2.1");
  expect(from("2001:db8::1", "2001:db8:2::7")).toBe("2001:db8:2::7");
});

it("attack: nobody but a declared proxy can name another address", () => {
  expect(from("127.0.0.1", "192.0.2.1")).toBe("127.0.0.1");
  expect(from("192.0.2.9", "192.0.2.1")).toBe("192.0.2.9");
  // The proxy appended the last; the rest is the client's own invention.
  expect(from("10.1.2.3", "192.0.2.1, 192.0.2.9")).toBe("192.0.2.9");
});

it("is the proxy when it says nothing that could be an address", () => {
  expect(from("10.1.2.3")).toBe("10.1.2.3");
  expect(from("10.1.2.3", "unknown")).toBe("10.1.2.3");
});
