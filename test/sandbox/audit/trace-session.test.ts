import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  openTraceHub,
  type TraceHub,
  type TraceOptions,
  type TraceSession,
} from "../../../sandbox/audit/trace-session.ts";
import type { Observation } from "../../../sandbox/driver.ts";
import { eventually } from "../../fakes/eventually.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { processesWith } from "../traces.ts";
import { recordedTrace } from "./recorded-trace.ts";
import { type Sentry, startSentry } from "./sentry.ts";

const OPTIONS: TraceOptions = {
  watch: { exec: true, open: true, connect: true },
  readPaths: ["/app"],
  ownSockets: ["/run/openshell/egress.sock"],
};
const bash = recordedTrace("bash");

describe("the trace hub", () => {
  const folder = temporaryFolder();
  let hub: TraceHub;
  const sentries: Sentry[] = [];
  beforeEach(() => {
    hub = openTraceHub(join(folder.path, "trace"));
  });
  afterEach(async () => {
    await Promise.all(sentries.splice(0).map((sentry) => sentry.end()));
    await hub.close();
  });

  const connect = async ({ configFile }: TraceSession): Promise<Sentry> => {
    const sentry = await startSentry(configFile);
    sentries.push(sentry);
    return sentry;
  };
  const listen = (session: TraceSession) => {
    const seen = { observations: [] as Observation[], lost: 0, refusedForks: 0 };
    session.bind({
      observe: (observation) => seen.observations.push(observation),
      lost: (count) => {
        seen.lost += count;
      },
      refusedFork: () => seen.refusedForks++,
    });
    return seen;
  };
  const sendAll = async (sentry: Sentry, packets: readonly Buffer[]) => {
    for (const packet of packets) await sentry.send(packet);
  };
  const relayPid = (): number => {
    const pids = processesWith("HIGH_WATER").filter((pid) => parentOf(pid) === process.pid);
    expect(pids).toHaveLength(1);
    return pids[0] ?? 0;
  };

  it("has observed everything once it has settled, however early the sandbox died", async () => {
    const session = await hub.session("slot", OPTIONS);
    const seen = listen(session);
    const sentry = await connect(session);
    await sendAll(sentry, bash);
    await sentry.end();
    await session.settle();
    expect(seen.observations.length).toBe(10);
    expect(seen.lost).toBe(0);
  });

  it("tells nobody what came before the run, and keeps sandboxes apart", async () => {
    const sessions = await Promise.all(["one", "two"].map((slot) => hub.session(slot, OPTIONS)));
    const [one, two] = sessions;
    if (one === undefined || two === undefined) throw new Error("no sessions");
    const first = await connect(one);
    const second = await connect(two);
    await sendAll(first, bash);
    await sendAll(second, recordedTrace("python").slice(-10));
    // Every connection has a turn before a command is answered: these are turns enough for all of it.
    for (const slot of ["a", "b", "c"]) (await hub.session(slot, OPTIONS)).close();
    const seen = listen(one);
    const other = listen(two);
    await first.end();
    await second.end();
    await Promise.all([one.settle(), two.settle()]);
    expect(seen.observations).toEqual([]);
    expect(other.observations).toEqual([]);
  });

  it("counts what gVisor says it dropped, once", async () => {
    const session = await hub.session("slot", OPTIONS);
    const seen = listen(session);
    const sentry = await connect(session);
    const last = recordedTrace("python").at(-1);
    if (last === undefined) throw new Error("no packet");
    await sendAll(sentry, [last, last]);
    await sentry.end();
    await session.settle();
    expect(seen.lost).toBe(1);
  });

  it("counts what it cannot read as lost", async () => {
    const session = await hub.session("slot", OPTIONS);
    const seen = listen(session);
    const sentry = await connect(session);
    await sendAll(sentry, [Buffer.from("no packet"), Buffer.from([1])]);
    await sentry.end();
    await session.settle();
    expect(seen.lost).toBe(2);
  });

  it("settles at once when the sandbox never came up", async () => {
    const session = await hub.session("slot", OPTIONS);
    const seen = listen(session);
    await session.settle();
    expect(seen).toEqual({ observations: [], lost: 0, refusedForks: 0 });
  });

  it("counts the processes that the job was refused, and no other returns", async () => {
    const session = await hub.session("slot", OPTIONS);
    const seen = listen(session);
    const sentry = await connect(session);
    // Type 6, a bare call: field 2 is how it returned, field 4 its number (56 is clone).
    const returned = (how: string) => Buffer.from(`0800060000000000${how}2038`, "hex");
    await sendAll(sentry, [returned("1202100b"), returned("12020802"), returned("12021001")]);
    await sentry.end();
    await session.settle();
    expect(seen).toEqual({ observations: [], lost: 0, refusedForks: 1 });
  });

  it("knows how the job ended while the sandbox still runs", async () => {
    const session = await hub.session("slot", OPTIONS);
    const seen = listen(session);
    const sentry = await connect(session);
    // The first thread of the first process asks for exit_group(3), and has ended with it. To an open
    // its third argument would mean that it writes.
    const who = "0a0410012001";
    const number = process.arch === "x64" ? "e701" : "5e";
    const asks = `0800060000000000${who}20${number}28033801`;
    const has = `0800050000000000${who}108006`;
    await sendAll(sentry, [Buffer.from(asks, "hex"), Buffer.from(has, "hex")]);
    expect(await session.jobEnd).toBe(3);
    await sentry.end();
    await session.settle();
    expect(seen).toEqual({ observations: [], lost: 0, refusedForks: 0 });
  });

  it("takes one connection for a sandbox: nobody can add to its trace", async () => {
    const session = await hub.session("slot", OPTIONS);
    await connect(session);
    await expect(connect(session)).rejects.toThrow("not let in");
  });

  it("lets nobody else near its endpoints", async () => {
    await hub.session("slot", OPTIONS);
    expect(statSync(join(folder.path, "trace")).mode & 0o777).toBe(0o700);
  });

  it("says that a running job lost its trace, and starts anew for the next", async () => {
    const session = await hub.session("slot", OPTIONS);
    const waiting = await hub.session("waiting", OPTIONS);
    const seen = listen(session);
    await connect(session);
    process.kill(relayPid(), "SIGKILL");
    await eventually(() => expect(session.broken.aborted).toBe(true));
    expect(seen.lost).toBe(Infinity);
    expect(() => listen(waiting)).toThrow(/lost the trace/);
    await session.settle();

    const next = await hub.session("next", OPTIONS);
    const nextSeen = listen(next);
    const sentry = await connect(next);
    await sendAll(sentry, bash);
    await sentry.end();
    await next.settle();
    expect(nextSeen.observations).toHaveLength(10);
  });

  it("is not stopped by a signal that was meant for the gateway", async () => {
    const session = await hub.session("slot", OPTIONS);
    const pid = relayPid();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid, signal);
    const seen = listen(session);
    const sentry = await connect(session);
    await sendAll(sentry, bash);
    await sentry.end();
    await session.settle();
    expect(seen.observations).toHaveLength(10);
  });

  it("refuses a session whose socket cannot be made, with the reason", async () => {
    const deep = openTraceHub(join(folder.path, "x".repeat(120)));
    await expect(deep.session("slot", OPTIONS)).rejects.toThrow(/no trace .*path too long/);
    await deep.close();
  });

  it("leaves nothing behind", async () => {
    const session = await hub.session("slot", OPTIONS);
    const pid = relayPid();
    session.close();
    session.close();
    await eventually(() => expect(readdirSync(join(folder.path, "trace"))).toEqual([]));
    await hub.close();
    expect(readdirSync(folder.path)).toEqual([]);
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
    await expect(hub.session("late", OPTIONS)).rejects.toThrow(/closed/);
  });
});

const parentOf = (pid: number): number =>
  Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
