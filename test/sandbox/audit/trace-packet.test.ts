import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePacket } from "../../../sandbox/audit/trace-packet.ts";
import { recordedTrace } from "./recorded-trace.ts";

const recorded = [...recordedTrace("bash"), ...recordedTrace("python")];

/** A packet of one type: pairs of field number and bytes or number. */
const packet = (type: number, fields: readonly (readonly [number, Buffer | bigint])[]): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(8, 0);
  head.writeUInt16LE(type, 2);
  const body = fields.flatMap(([number, value]) =>
    typeof value === "bigint"
      ? [varint(BigInt(number << 3)), varint(value)]
      : [varint(BigInt((number << 3) | 2)), varint(BigInt(value.length)), value],
  );
  return Buffer.concat([head, ...body]);
};

const varint = (value: bigint): Buffer => {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
};

describe("a trace packet", () => {
  it("is decoded for everything that gVisor sent", () => {
    const kinds = recorded.map((bytes) => decodePacket(bytes)?.kind);
    expect(new Set(kinds)).toEqual(new Set(["exec", "open", "connect", "call", "exit"]));
    for (const bytes of recorded) {
      const decoded = decodePacket(bytes);
      expect(decoded?.at.getUTCFullYear()).toBe(2026);
      expect(decoded?.threadId).toBeGreaterThan(0);
    }
  });

  it("tells how many packets were dropped before it", () => {
    expect(recordedTrace("python").map((bytes) => decodePacket(bytes)?.dropped)).toContain(1);
  });

  it("never throws, whatever its bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodePacket(Buffer.from(bytes));
      }),
    );
  });

  it("never throws when a real one was changed or cut", () => {
    const index = fc.nat(recorded.length - 1);
    fc.assert(
      fc.property(index, fc.nat(400), fc.nat(255), fc.nat(400), (which, at, byte, length) => {
        const bytes = Buffer.from(recorded[which] ?? []);
        if (at < bytes.length) bytes.writeUInt8(byte, at);
        decodePacket(bytes.subarray(0, length));
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps the lowest bits of an argument whose upper half the job filled", () => {
    const decoded = decodePacket(packet(6, [[7, 0xffff_ffff_0000_0041n]]));
    expect(decoded).toMatchObject({ kind: "call", arguments: [0, 0, 0x41, 0, 0, 0] });
  });

  it("cuts an argument vector that goes on for ever, and marks it", () => {
    const word = Buffer.from("x");
    const decoded = decodePacket(
      packet(
        11,
        Array.from({ length: 5000 }, () => [7, word]),
      ),
    );
    expect(decoded).toMatchObject({ kind: "exec" });
    const argv = decoded?.kind === "exec" ? decoded.argv : [];
    expect(argv.length).toBe(1025);
    expect(argv.at(-1)).toBe("[cut]");
  });

  it.each([
    ["a length beyond the packet", Buffer.from([8, 0, 11, 0, 0, 0, 0, 0, 0x3a, 0x7f])],
    [
      "a number that does not end",
      Buffer.from([8, 0, 7, 0, 0, 0, 0, 0, 0x38, ...Array(12).fill(0xff)]),
    ],
    ["a header longer than the packet", Buffer.from([9, 0, 7, 0, 0, 0, 0, 0])],
    ["a group, which nobody uses", Buffer.from([8, 0, 7, 0, 0, 0, 0, 0, 0x0b])],
    ["nothing", Buffer.alloc(0)],
  ])("is none when it has %s", (_, bytes) => {
    expect(decodePacket(bytes)).toBeUndefined();
  });
});
