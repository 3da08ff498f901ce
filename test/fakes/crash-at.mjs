import { subscribe } from "node:diagnostics_channel";

// `node --import crash-at.mjs …` with CRASH_AT=stored:40 ends its own process when a message passes
// that point of core/contract/trace-points.ts for the 40th time. The signal arrives within the call,
// so nothing behind the point happens any more.

const [point, count] = (process.env.CRASH_AT ?? "").split(":");
let left = Number(count);
if (!point || !(left > 0)) throw new Error("CRASH_AT must be a point and a count, e.g. stored:40");

subscribe("clawgate.message", (event) => {
  if (event.point !== point) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
});
