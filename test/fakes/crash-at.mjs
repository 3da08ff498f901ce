import { subscribe } from "node:diagnostics_channel";

// `node --import crash-at.mjs …` with CRASH_AT=stored:40 ends its own process when a message passes
// that point of core/contract/trace-points.ts for the 40th time; with CRASH_FROM=SIGUSR2 it counts
// from that signal on, and prints that it does. The end comes within the call, so nothing behind the
// point happens any more.

const [point, count] = (process.env.CRASH_AT ?? "").split(":");
const signal = process.env.CRASH_FROM;
let left = Number(count);
if (!point || !(left > 0)) throw new Error("CRASH_AT must be a point and a count, e.g. stored:40");

const countDown = () => {
  subscribe("clawgate.message", (event) => {
    if (event.point !== point) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, "SIGKILL");
  });
};

if (signal === undefined) countDown();
else {
  process.once(signal, () => {
    countDown();
    process.stderr.write(`counting down to ${point}\n`);
  });
}
