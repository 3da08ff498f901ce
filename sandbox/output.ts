import type { Readable } from "node:stream";

/** What was kept of a stream. */
export interface Captured {
  bytes(): Buffer;
  /** Whether more came than was kept. */
  isCut(): boolean;
}

/**
 * Keeps the first `maxBytes` bytes of a stream and reads the rest away, so that a flood neither fills
 * our memory nor blocks. `onOverflow` is called once, at the first byte too many.
 */
export const capture = (stream: Readable, maxBytes: number, onOverflow: () => void): Captured => {
  const chunks: Buffer[] = [];
  let room = maxBytes;
  let hasOverflown = false;
  stream.on("data", (chunk: Buffer) => {
    if (room > 0) chunks.push(Buffer.from(chunk.subarray(0, room)));
    if (chunk.length > room && !hasOverflown) {
      hasOverflown = true;
      onOverflow();
    }
    room = Math.max(0, room - chunk.length);
  });
  stream.on("error", () => {}); // a broken pipe ends the stream; the exit status tells the rest
  return { bytes: () => Buffer.concat(chunks), isCut: () => hasOverflown };
};
