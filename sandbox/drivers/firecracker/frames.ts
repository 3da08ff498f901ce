import { SandboxError } from "../../errors.ts";

/** Kinds of frames between host and guest; guest/frames.py is the other side. */
export const FRAME = {
  spec: 1,
  files: 2,
  go: 3,
  ready: 17,
  stdout: 18,
  stderr: 19,
  refused: 20,
  exit: 21,
  file: 22,
  data: 23,
  done: 24,
  fault: 25,
} as const;

/** Longest payload that is sent; the guest is held to it as well. */
export const CHUNK_BYTES = 1 << 16;
const HEADER_BYTES = 5;

export interface Frame {
  readonly kind: number;
  readonly payload: Buffer;
}

/** A frame as bytes: u8 kind, u32 length (big endian), payload. */
export const encodeFrame = (kind: number, payload: Buffer = Buffer.alloc(0)): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(kind);
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, payload]);
};

/** Cuts a stream into frames. Throws SandboxError at a frame that no guest of ours would send. */
export async function* decodeFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<Frame, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER_BYTES) {
      const size = rest.readUInt32BE(1);
      if (size > CHUNK_BYTES) {
        throw new SandboxError(`the guest sent a frame of ${size} bytes, more than it ever may`);
      }
      const end = HEADER_BYTES + size;
      if (rest.length < end) break;
      yield { kind: rest.readUInt8(), payload: rest.subarray(HEADER_BYTES, end) };
      rest = rest.subarray(end);
    }
  }
}
