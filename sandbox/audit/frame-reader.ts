import { FRAME_HEAD_BYTES, MAX_PACKET_BYTES } from "./trace-relay.ts";

/** Splits the relay's stream into frames, wherever the stream was cut. */
export interface FrameReader {
  /** Answers false when this is not the relay's language: then nothing after it can be trusted. */
  push(chunk: Buffer): boolean;
}

/** `onFrame` gets a view that is valid during the call only. */
export const createFrameReader = (
  onFrame: (endpoint: number, kind: number, body: Buffer) => void,
): FrameReader => {
  let rest: Buffer = Buffer.alloc(0);
  return {
    push(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      while (bytes.length - at >= FRAME_HEAD_BYTES) {
        const length = bytes.readUInt32LE(at);
        if (length > MAX_PACKET_BYTES) return false;
        const bodyAt = at + FRAME_HEAD_BYTES;
        if (bytes.length - bodyAt < length) break;
        const body = bytes.subarray(bodyAt, bodyAt + length);
        onFrame(bytes.readUInt32LE(at + 4), bytes.readUInt8(at + 8), body);
        at = bodyAt + length;
      }
      rest = bytes.subarray(at);
      return true;
    },
  };
};
