import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { capture } from "../../sandbox/output.ts";

it("keeps the first bytes and reports the first byte too many, once", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)));
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 0, max: 60 }), async (parts, maxBytes) => {
      let overflows = 0;
      const stream = Readable.from(parts, { objectMode: false });
      const kept = capture(stream, maxBytes, () => overflows++);
      await finished(stream);
      const all = Buffer.concat(parts);
      expect(kept.bytes()).toEqual(all.subarray(0, maxBytes));
      expect(overflows).toBe(all.length > maxBytes ? 1 : 0);
    }),
  );
});
