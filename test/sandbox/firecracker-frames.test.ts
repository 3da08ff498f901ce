import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeFrames,
  encodeFrame,
  FRAME,
  type Frame,
} from "../../sandbox/drivers/firecracker/frames.ts";

const decode = async (chunks: readonly Buffer[]): Promise<readonly Frame[]> => {
  const frames: Frame[] = [];
  async function* stream() {
    yield* chunks;
  }
  for await (const frame of decodeFrames(stream())) frames.push(frame);
  return frames;
};

describe("frames between host and guest", () => {
  it("come out as they went in, however the stream is cut", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 25 }), fc.uint8Array({ maxLength: 300 }))),
        fc.integer({ min: 1, max: 40 }),
        async (sent, step) => {
          const bytes = Buffer.concat(
            sent.map(([kind, payload]) => encodeFrame(kind, Buffer.from(payload))),
          );
          const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
            bytes.subarray(index * step, (index + 1) * step),
          );
          const got = await decode(chunks);
          expect(got.map(({ kind, payload }) => [kind, [...payload]])).toEqual(
            sent.map(([kind, payload]) => [kind, [...payload]]),
          );
        },
      ),
    ));

  it("are refused when they announce more than a guest of ours ever sends", async () => {
    const header = Buffer.from([FRAME.stdout, 0xff, 0xff, 0xff, 0xff]);
    await expect(decode([header])).rejects.toThrow("more than it ever may");
  });
});
