import { describe, expect, it } from "vitest";
import { createTraceFilter } from "../../../sandbox/audit/trace-filter.ts";
import {
  decodePacket,
  type TraceEvent,
  type TracePacket,
} from "../../../sandbox/audit/trace-packet.ts";
import type { Observation } from "../../../sandbox/driver.ts";
import { recordedTrace } from "./recorded-trace.ts";

const filter = () =>
  createTraceFilter({
    readPaths: ["/app", "/config"],
    ownSockets: ["/run/openshell/egress.sock"],
    architecture: "x64",
  });

const observe = (packets: readonly (TracePacket | undefined)[]): Observation[] => {
  const one = filter();
  const found = packets.flatMap((packet) => (packet === undefined ? [] : one.take(packet)));
  return [...found, ...one.end()];
};

const words = (observations: readonly Observation[]): string[] =>
  observations.map((seen) => {
    if (seen.kind === "exec") return `exec ${seen.path} [${seen.argv.join(" ")}]`;
    if (seen.kind === "open") return `${seen.isWrite ? "write" : "read"} ${seen.path}`;
    return `connect ${seen.to} ${seen.port ?? ""}`.trimEnd();
  });

let clock = 0;
const packet = (
  event: TraceEvent,
  more: { readonly at?: Date; readonly threadId?: number } = {},
): TracePacket => ({
  at: new Date(++clock),
  threadId: 1,
  pid: 1,
  dropped: 0,
  ...event,
  ...more,
});
const openat = (path: string, flags: number, folder = "/tmp") =>
  packet({ kind: "open", call: 257, path, folder, flags });

describe("the trace filter", () => {
  it("sees what a bash job did, and nothing of how bash started", () => {
    expect(words(observe(recordedTrace("bash").map(decodePacket)))).toEqual([
      "read /app/f.sh",
      "write /tmp/out.txt",
      "exec /bin/cp [/bin/cp out.txt /tmp/copy.txt]",
      "write /tmp/copy.txt",
      "read /app/f.sh",
      "exec  []", // /bin/true, given what is not UTF-8
      "exec /usr/bin/mkdir [mkdir d]",
      "write ", // a file whose name is not UTF-8, known when its thread went on
      "write /tmp/other",
      "connect 10.1.2.3 443",
    ]);
  });

  it("sees the calls that shells do not use", () => {
    expect(words(observe(recordedTrace("python").map(decodePacket)))).toEqual([
      "read /app/f.py",
      "write /tmp/created",
      "write /tmp/opened",
      "write /tmp/d/x",
      "exec /usr/bin/true [true]",
      "exec  []", // arguments longer than a packet
      "connect 10.9.8.7 25",
      "connect fd00:0:0:0:0:0:0:1 26",
      "connect @abs",
      "connect ::ffff:1.2.3.4 80",
    ]);
  });

  it("tells an exec whose names never came, as soon as its thread goes on", () => {
    const one = filter();
    expect(one.take(packet({ kind: "call", call: 59, arguments: [] }))).toEqual([]);
    expect(one.take(packet({ kind: "exit", status: 0 }))).toMatchObject([
      { kind: "exec", path: "" },
    ]);
  });

  it("tells it after a moment when its thread does nothing more", () => {
    const one = filter();
    one.take(packet({ kind: "call", call: 59, arguments: [] }, { threadId: 7 }));
    const later = new Date(clock + 1000);
    expect(one.take(packet({ kind: "other" }, { at: later }))).toMatchObject([{ kind: "exec" }]);
    expect(one.end()).toEqual([]);
  });

  it("does not take another thread's names for it", () => {
    const one = filter();
    one.take(packet({ kind: "call", call: 59, arguments: [] }, { threadId: 7 }));
    const other = packet({ kind: "exec", call: 59, path: "/bin/ls", folder: "", argv: ["ls"] });
    expect(words(one.take(other))).toEqual(["exec /bin/ls [ls]"]);
    expect(words(one.end())).toEqual(["exec  []"]);
  });

  it("keeps no more waiting calls than threads can be meant", () => {
    const one = filter();
    const at = new Date(clock);
    let told = 0;
    for (let threadId = 0; threadId < 10_000; threadId++) {
      told += one.take(packet({ kind: "call", call: 59, arguments: [] }, { threadId, at })).length;
    }
    expect(told).toBeGreaterThan(5_000);
    expect(told + one.end().length).toBe(10_000);
  });

  it.each([
    ["O_WRONLY", 0o1],
    ["O_RDWR", 0o2],
    ["O_CREAT alone", 0o100],
    ["O_TRUNC alone", 0o1000],
  ])("counts %s as a write", (_, flags) => {
    expect(words(observe([openat("x", flags)]))).toEqual(["write /tmp/x"]);
  });

  it("counts an O_PATH descriptor as none, it can be written to only by opening it again", () => {
    expect(observe([openat("/usr/x", 0o10000002)])).toEqual([]);
  });

  it.each(["/config/../config/a", "../config/a", "/config"])("sees %s as below /config", (path) => {
    expect(observe([openat(path, 0)])).toHaveLength(1);
  });

  it.each(["/configuration", "/usr/lib/x", "a", "/config/../etc/x"])(
    "leaves out reading %s",
    (path) => {
      expect(observe([openat(path, 0)])).toEqual([]);
    },
  );

  it("names a relative path as it came when its folder is unknown", () => {
    expect(words(observe([openat("out.txt", 1, "")]))).toEqual(["write out.txt"]);
  });
});
