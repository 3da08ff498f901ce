import type { TracePacket } from "./trace-packet.ts";
import { callNumbers } from "./trace-points.ts";

// gVisor counts from the outermost namespace of its kernel: whatever a job makes inside bears other
// numbers.
const FIRST = 1;

/**
 * Watches for the end of the sandbox's first process, with which all others end. The function takes
 * the packets of one sandbox in their order, and returns that process's exit code when it has ended.
 * A thread's end alone proves nothing, others may go on: the first thread must have asked for the end
 * of all (`exit_group`), and then be gone with the very code that it asked for. Every other end, a
 * signal's for one, is left to runsc to tell.
 */
export const createEndWatch = (
  architecture: string,
): ((packet: TracePacket) => number | undefined) => {
  const { exit } = callNumbers(architecture);
  let asked: number | undefined;
  return (packet) => {
    if (packet.pid !== FIRST || packet.threadId !== FIRST) return undefined;
    if (packet.kind === "call" && packet.call === exit) asked = (packet.arguments[0] ?? 0) & 0xff;
    if (packet.kind !== "exit" || asked === undefined) return undefined;
    return packet.status === asked << 8 ? asked : undefined;
  };
};
