import { type Field, fieldsOf } from "./protobuf.ts";

/** One packet of gVisor's remote sink, decoded. Everything in it is the job's own words. */
export type TracePacket = {
  readonly at: Date;
  readonly threadId: number;
  readonly pid: number;
  /** How many packets gVisor has dropped on this connection so far. */
  readonly dropped: number;
} & TraceEvent;

export type TraceEvent =
  | {
      readonly kind: "exec";
      readonly call: number;
      readonly path: string;
      readonly folder: string;
      readonly argv: readonly string[];
    }
  | {
      readonly kind: "open";
      readonly call: number;
      readonly path: string;
      /** What a relative path starts from; empty when unknown. */
      readonly folder: string;
      readonly flags: number;
    }
  | { readonly kind: "connect"; readonly address: Buffer }
  /** A bare system call: numbers only. Arguments are cut to their lower 32 bits. */
  | { readonly kind: "call"; readonly call: number; readonly arguments: readonly number[] }
  /** A bare system call came back: the error that the job got, 0 for none. Nobody's in particular. */
  | { readonly kind: "return"; readonly errno: number }
  /** A thread ended; `status` is its process's, as wait(2) has it. */
  | { readonly kind: "exit"; readonly status: number }
  | { readonly kind: "other" };

// u16 size of this header, u16 type, u32 dropped; little endian.
// https://github.com/google/gvisor/blob/master/pkg/sentry/seccheck/sinks/remote/wire/wire.go
const HEADER_BYTES = 8;
// https://github.com/google/gvisor/blob/master/pkg/sentry/seccheck/points/common.proto
const TYPE = { exit: 5, call: 6, open: 7, connect: 10, exec: 11 } as const;

const MAX_PATH_BYTES = 4096;
const MAX_ARGUMENTS = 1024;
const MAX_ARGUMENTS_BYTES = 1 << 16;

/** Undefined for what is no packet of gVisor's; never throws, whatever the bytes are. */
export const decodePacket = (packet: Buffer): TracePacket | undefined => {
  if (packet.length < HEADER_BYTES) return undefined;
  const headerBytes = packet.readUInt16LE(0);
  if (headerBytes < HEADER_BYTES || headerBytes > packet.length) return undefined;
  const fields = fieldsOf(packet.subarray(headerBytes));
  if (fields === undefined) return undefined;
  const type = packet.readUInt16LE(2);
  const who = fieldsOf(bytesOf(fields, 1)) ?? [];
  return {
    at: new Date(nanosecondsOf(who, 1) / 1e6),
    threadId: numberOf(who, 2),
    pid: numberOf(who, 4),
    dropped: packet.readUInt32LE(4),
    ...eventOf(type, fields, who),
  };
};

const eventOf = (type: number, fields: readonly Field[], who: readonly Field[]): TraceEvent => {
  switch (type) {
    case TYPE.exec:
      return {
        kind: "exec",
        call: numberOf(fields, 3),
        path: textOf(fields, 6),
        folder: textOf(fields, 5),
        argv: argumentsOf(fields, 7),
      };
    case TYPE.open:
      return {
        kind: "open",
        call: numberOf(fields, 3),
        path: textOf(fields, 6),
        folder: textOf(fields, 5) || textOf(who, 8),
        flags: numberOf(fields, 7),
      };
    case TYPE.connect:
      return { kind: "connect", address: Buffer.from(bytesOf(fields, 6)) };
    case TYPE.call:
      if (find(fields, 2) !== undefined) {
        return { kind: "return", errno: numberOf(fieldsOf(bytesOf(fields, 2)) ?? [], 2) };
      }
      return {
        kind: "call",
        call: numberOf(fields, 4),
        arguments: [5, 6, 7, 8, 9, 10].map((number) => numberOf(fields, number)),
      };
    case TYPE.exit:
      return { kind: "exit", status: numberOf(fields, 2) };
    default:
      return { kind: "other" };
  }
};

const NOTHING = Buffer.alloc(0);

// The last one counts, as protobuf has it. A field that is absent is zero or empty.
const find = (fields: readonly Field[], number: number): Field | undefined =>
  fields.findLast((field) => field.number === number);

const bytesOf = (fields: readonly Field[], number: number): Buffer => {
  const field = find(fields, number);
  return field !== undefined && "bytes" in field ? field.bytes : NOTHING;
};

const textOf = (fields: readonly Field[], number: number): string =>
  bytesOf(fields, number).subarray(0, MAX_PATH_BYTES).toString("utf8");

/** The lower 32 bits, unsigned. */
const numberOf = (fields: readonly Field[], number: number): number => {
  const field = find(fields, number);
  return field !== undefined && "low" in field ? field.low : 0;
};

const nanosecondsOf = (fields: readonly Field[], number: number): number => {
  const field = find(fields, number);
  return field !== undefined && "low" in field ? field.high * 2 ** 32 + field.low : 0;
};

const argumentsOf = (fields: readonly Field[], number: number): readonly string[] => {
  const words: string[] = [];
  let room = MAX_ARGUMENTS_BYTES;
  for (const field of fields) {
    if (field.number !== number || !("bytes" in field)) continue;
    if (words.length === MAX_ARGUMENTS || field.bytes.length > room) return [...words, CUT];
    words.push(field.bytes.toString("utf8"));
    room -= field.bytes.length;
  }
  return words;
};

/** Stands where more followed. */
const CUT = "[cut]";
