import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { socketAddress } from "../../../sandbox/audit/socket-address.ts";

const address = (hex: string) => socketAddress(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("a socket address", () => {
  it.each([
    ["0200 01bb 0a010203 0000000000000000", { to: "10.1.2.3", port: 443 }],
    [
      "0a00 0050 00000000 20010db8000000000000000000000001 00000000",
      { to: "2001:db8:0:0:0:0:0:1", port: 80 },
    ],
    [
      "0a00 0050 00000000 00000000000000000000ffff7f000001 00000000",
      { to: "::ffff:127.0.0.1", port: 80 },
    ],
    ["0100 2f746d702f7300 ffff", { to: "/tmp/s" }],
    ["0100 00616263", { to: "@abc" }],
    ["1000 0000", { to: "address family 16" }],
    ["0200 01bb 0a", { to: "address family 2" }],
    ["0000", undefined],
    ["02", undefined],
  ])("%s is read", (hex, expected) => {
    expect(address(hex)).toEqual(expected);
  });

  it("never throws, whatever its bytes are", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2, 10, 16),
        fc.uint8Array({ maxLength: 140 }),
        (family, rest) => {
          socketAddress(Buffer.from([family, 0, ...rest]));
        },
      ),
    );
  });
});
