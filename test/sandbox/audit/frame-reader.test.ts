import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFrameReader } from "../../../sandbox/audit/frame-reader.ts";
import { MAX_PACKET_BYTES } from "../../../sandbox/audit/trace-relay.ts";

type Frame = readonly [endpoint: number, kind: number, body: string];

const frame = ([endpoint, kind, body]: Frame): Buffer => {
  const bytes = Buffer.from(body, "latin1");
  const head = Buffer.alloc(9);
  head.writeUInt32LE(bytes.length, 0);
  head.writeUInt32LE(endpoint, 4);
  head.writeUInt8(kind, 8);
  return Buffer.concat([head, bytes]);
};

const read = (chunks: readonly Buffer[]): { readonly frames: Frame[]; readonly ok: boolean } => {
  const frames: Frame[] = [];
  const reader = createFrameReader((endpoint, kind, body) => {
    frames.push([endpoint, kind, body.toString("latin1")]);
  });
  return { ok: chunks.every((chunk) => reader.push(chunk)), frames };
};

const frames = fc.array(
  fc.tuple(fc.nat(0xffffffff), fc.nat(255), fc.string({ unit: "binary-ascii", maxLength: 40 })),
  { maxLength: 8 },
);

describe("the frame reader", () => {
  it("reads the same frames wherever the stream was cut", () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(400)), (sent, places) => {
        const stream = Buffer.concat(sent.map(frame));
        const cuts = [0, ...places.map((at) => Math.min(at, stream.length)), stream.length];
        cuts.sort((left, right) => left - right);
        const chunks = cuts.slice(1).map((end, index) => stream.subarray(cuts[index], end));
        expect(read(chunks)).toEqual({ ok: true, frames: sent });
      }),
    );
  });

  it("refuses a length that no frame has, instead of waiting for it", () => {
    const head = frame([1, 1, ""]);
    head.writeUInt32LE(MAX_PACKET_BYTES + 1, 0);
    expect(read([head])).toEqual({ ok: false, frames: [] });
  });
});
