import { join } from "node:path";
import { expect, vi } from "vitest";
import type { TracePoint } from "../../core/contract/trace-points.ts";
import type { GatewayProcess, StartOptions } from "./gateway-process.ts";
import type { StoreRows } from "./store-rows.ts";

/** People of a platform who ask, and what they see of the answers. */
export interface Askers {
  /** Of a gateway that serves the platform: its channel, and a tenant that everybody is in. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What is to be said once before anything goes wrong. */
  greet(gateway: GatewayProcess): Promise<void>;
  /** So many more questions, each with a text of its own in which `about` is. */
  ask(about: string, times: number): void;
  /** Says what the gateway has not acknowledged so far, as the platform does. */
  tellUnheard(gateway: GatewayProcess): Promise<void>;
  /** Every question that is not answered exactly once, where its answer belongs. */
  wrong(): readonly string[];
  /** How often the gateway has looked whether it had said something already. */
  lookedBack(): number;
  close(): Promise<void>;
}

/** Questions that each process of a chain is asked. */
const ASKED = 6;

/** In the middle of what a process is asked; of what comes by HTTP there is less. */
const timesAt = (point: TracePoint): number => (point === "acknowledged" ? 2 : 3);

const SIGNAL = "SIGUSR2";
const LONG = { timeout: 240_000, interval: 50 };

/** For a process that dies at a point once it is told to count. */
const killedAt = (point: TracePoint): StartOptions => ({
  nodeArguments: ["--import", join(import.meta.dirname, "crash-at.mjs")],
  environment: { CRASH_AT: `${point}:${timesAt(point)}`, CRASH_FROM: SIGNAL },
});

export interface CrashChain {
  /** Dies at each point, and is started again; it runs when the chain is over. */
  readonly victim: GatewayProcess;
  /** Hears what people ask; the victim itself where it is alone. */
  readonly hears: GatewayProcess;
  readonly points: readonly TracePoint[];
  readonly askers: Askers;
  readonly rows: StoreRows;
}

/**
 * Kills a process at one point after the other, each time with conversations in flight, and fails
 * unless every question is answered exactly once in the end.
 */
export const runCrashChain = async (chain: CrashChain): Promise<void> => {
  const { victim, hears, points, askers, rows } = chain;
  const tell = () => askers.tellUnheard(hears);
  for (const point of points) {
    await victim.start(killedAt(point));
    await tell();
    await notOften(rows);
    victim.tell(SIGNAL);
    await vi.waitFor(() => expect(victim.output).toContain(`counting down to ${point}`), LONG);
    askers.ask(point, ASKED);
    await tell();
    expect(await victim.ended(), point).toBe("SIGKILL");
  }
  await victim.start();
  await tell();
  await vi.waitFor(() => expect(askers.wrong()).toEqual([]), LONG);
  await settled(rows);
  expect(askers.wrong()).toEqual([]);
};

/** A message under which three processes died is given up on, so no third one may. */
const notOften = (rows: StoreRows): Promise<void> =>
  vi.waitFor(async () => expect(await rows.query(TAKEN_TWICE)).toEqual([]), LONG);

const settled = (rows: StoreRows): Promise<void> =>
  vi.waitFor(async () => {
    const states = Object.keys(await rows.states()).sort();
    expect(states).toEqual(["inbox done", "outbox delivered"]);
  }, LONG);

const TAKEN_TWICE = "SELECT id, attempts FROM inbox WHERE state = 'pending' AND attempts >= 2";
