import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What gVisor really sent for a job, packet by packet. */
export const recordedTrace = (name: "bash" | "python"): readonly Buffer[] => {
  const file = join(import.meta.dirname, `../../fixtures/sandbox/gvisor-trace-${name}.json`);
  const recorded: { packets: string[] } = JSON.parse(readFileSync(file, "utf8"));
  return recorded.packets.map((packet) => Buffer.from(packet, "base64"));
};
