import { describe, expect, it } from "vitest";
import { createEndWatch } from "../../../sandbox/audit/end-watch.ts";
import type { TraceEvent, TracePacket } from "../../../sandbox/audit/trace-packet.ts";

const EXIT_GROUP = 231;
const packet = (event: TraceEvent, pid = 1, threadId = pid): TracePacket => ({
  at: new Date(0),
  ...{ pid, threadId, dropped: 0 },
  ...event,
});
const asks = (code: number, pid = 1, threadId = pid) =>
  packet({ kind: "call", call: EXIT_GROUP, arguments: [code, 0, 0, 0, 0, 0] }, pid, threadId);
const ends = (status: number, pid = 1, threadId = pid) =>
  packet({ kind: "exit", status }, pid, threadId);

const exitCodeOf = (packets: readonly TracePacket[]): number | undefined => {
  const watch = createEndWatch("x64");
  return packets.map(watch).findLast((code) => code !== undefined);
};

describe("the end of a job, as gVisor's kernel tells it", () => {
  it.each([
    [0, 0],
    [3, 3],
    [255, 255],
    [256 + 7, 7],
    [0xffff_ffff, 255],
  ])("is known with the code it asked for: %i", (asked, code) => {
    expect(exitCodeOf([asks(asked), ends(code << 8)])).toBe(code);
  });

  it("is not known before it has ended", () => {
    expect(exitCodeOf([asks(0)])).toBeUndefined();
  });

  it.each<[string, TracePacket[]]>([
    ["a first thread that ends alone", [ends(0)]],
    ["another thread's wish and the first one's own end", [asks(0, 1, 2), ends(0)]],
    ["another thread that ends", [asks(0), ends(0, 1, 2)]],
    ["another process, whatever it calls itself inside", [asks(0, 7), ends(0, 7)]],
    ["one process's wish and another's end", [asks(0, 7), ends(0)]],
    ["a signal that came first", [asks(0), ends(9)]],
    ["an end with another code than it asked for", [asks(0), ends(7 << 8)]],
    [
      "another call with the same argument",
      [packet({ kind: "call", call: 59, arguments: [0] }), ends(0)],
    ],
  ])("is not taken from %s", (_, packets) => {
    expect(exitCodeOf(packets)).toBeUndefined();
  });

  it("is known on arm64, too, by its own number", () => {
    const watch = createEndWatch("arm64");
    watch(packet({ kind: "call", call: 94, arguments: [5] }));
    expect(watch(ends(5 << 8))).toBe(5);
  });
});
