import { posix } from "node:path";
import type { Observation } from "../driver.ts";
import { socketAddress } from "./socket-address.ts";
import type { TracePacket } from "./trace-packet.ts";
import { callNumbers } from "./trace-points.ts";

/** What of the packets is worth an observation. */
export interface TraceFilterOptions {
  /** Reads of what lies below these absolute paths count; writes count everywhere. */
  readonly readPaths: readonly string[];
  /** Sockets that we put into the sandbox ourselves; connecting to them says nothing of the job. */
  readonly ownSockets: readonly string[];
  readonly architecture: string;
}

/** Turns the packets of one sandbox into observations, in their order but for what was hidden. */
export interface TraceFilter {
  take(packet: TracePacket): readonly Observation[];
  /** No more packets come: what was hidden until now. */
  end(): readonly Observation[];
}

type Call = TracePacket & { readonly kind: "call" };

// A bare call comes right before the packet that names it, on the same thread.
const PAIR_MS = 50;
const MAX_WAITING = 4096;

/**
 * A system call whose names do not come with it was given what gVisor cannot send: it becomes an
 * observation with an empty path.
 */
export const createTraceFilter = (options: TraceFilterOptions): TraceFilter => {
  const numbers = callNumbers(options.architecture);
  const waiting = new Map<number, Call>(); // by thread, oldest first

  const unnamed = (call: Call): readonly Observation[] => {
    const who = { at: call.at, pid: call.pid, path: "" };
    if (numbers.exec.includes(call.call)) return [{ ...who, kind: "exec", argv: [] }];
    const argument = numbers.flagsArgument(call.call);
    const isWrite = argument === 0 || isWriting(call.arguments[argument - 1] ?? 0);
    // Of reads only some count, and which these are cannot be known without a name.
    return isWrite ? [{ ...who, kind: "open", isWrite }] : [];
  };

  const overdue = (at: Date): readonly Observation[] => {
    const found: Observation[] = [];
    for (const [threadId, call] of waiting) {
      if (at.getTime() - call.at.getTime() < PAIR_MS && waiting.size <= MAX_WAITING) break;
      waiting.delete(threadId);
      found.push(...unnamed(call));
    }
    return found;
  };

  const open = (packet: TracePacket & { readonly kind: "open" }): readonly Observation[] => {
    const path = absolute(packet.folder, packet.path);
    const isWrite = isWriting(packet.flags);
    if (isWrite ? NOISE.includes(path) : !options.readPaths.some((top) => isBelow(path, top))) {
      return [];
    }
    return [{ kind: "open", at: packet.at, pid: packet.pid, path, isWrite }];
  };

  const connect = ({ at, pid, address }: TracePacket & { readonly kind: "connect" }) => {
    const target = socketAddress(address);
    if (target === undefined) return [];
    if (options.ownSockets.includes(target.to) || NOISE.includes(target.to)) return [];
    return [{ kind: "connect", at, pid, ...target } as const];
  };

  const named = (packet: TracePacket): readonly Observation[] => {
    switch (packet.kind) {
      case "exec": {
        const { at, pid, argv } = packet;
        return [{ kind: "exec", at, pid, path: absolute(packet.folder, packet.path), argv }];
      }
      case "open":
        return open(packet);
      case "connect":
        return connect(packet);
      default:
        return [];
    }
  };

  return {
    take(packet) {
      const found = waiting.size === 0 ? [] : [...overdue(packet.at)];
      const earlier = waiting.get(packet.threadId);
      if (earlier !== undefined) {
        waiting.delete(packet.threadId);
        const isPair = "call" in packet && packet.kind !== "call" && packet.call === earlier.call;
        if (!isPair) found.push(...unnamed(earlier));
      }
      if (packet.kind === "call" && packet.call !== numbers.exit)
        waiting.set(packet.threadId, packet);
      else found.push(...named(packet));
      return found;
    },
    end() {
      const found = [...waiting.values()].flatMap(unnamed);
      waiting.clear();
      return found;
    },
  };
};

// Opened by shells and libraries at every start, and no way to leave anything behind.
const NOISE = ["/dev/null", "/dev/tty", "/var/run/nscd/socket"];

// The same on x86-64 and arm64: asm-generic/fcntl.h
const ACCESS_MODE = 0o3;
const CREATES_OR_CUTS = 0o100 | 0o1000;
const PATH_ONLY = 0o10000000;

const isWriting = (flags: number): boolean =>
  (flags & PATH_ONLY) === 0 && (flags & (ACCESS_MODE | CREATES_OR_CUTS)) !== 0;

/** Without links being followed: where it really leads is known inside only. */
const absolute = (folder: string, path: string): string =>
  path.startsWith("/") || folder.startsWith("/") ? posix.resolve(folder || "/", path) : path;

const isBelow = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(`${folder}/`);
