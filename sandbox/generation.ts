import { availableParallelism } from "node:os";
import type { Trail } from "./audit/trail.ts";
import { createExecJudge } from "./blocked-commands.ts";
import { type Cell, type CellSpec, cellKey, closeCell, openCell } from "./cell.ts";
import { systemClock } from "./clock.ts";
import type {
  EngineName,
  Observation,
  RunRequest,
  RunResult,
  SandboxDriver,
  SandboxStatus,
} from "./driver.ts";
import { placeholderVariables } from "./egress/credentials.ts";
import type { Egress } from "./egress/egress.ts";
import type { Engine, EngineState } from "./engine.ts";
import { messageOf } from "./errors.ts";
import type { OpenEgress } from "./open-egress.ts";
import type { SandboxOptions } from "./options.ts";
import { createPool, type Pool } from "./pool.ts";
import { withoutRun } from "./refusal.ts";
import { openSite } from "./site.ts";
import { askedInVain } from "./strictness.ts";

/** All that stands for one version of the settings. Other settings make another generation. */
export interface Generation {
  /** Waits for a probe that is under way. Never rejects. */
  status(): Promise<SandboxStatus>;
  /** Runs one job that was judged and has its place. Never rejects. */
  run(request: RunRequest, trail: Trail, signal: AbortSignal): Promise<Performed>;
  /** Boots ahead what runs will need, when nothing more urgent is waiting. */
  refill(): void;
  /** Resolves when its runs have ended and nothing of it is left. */
  close(): Promise<void>;
}

/** The result of a job of which nothing runs any more. */
interface Performed {
  readonly result: RunResult;
  /** Settles when its folders and control group are gone, too; only then its place is free. */
  readonly cleared: Promise<void>;
}

interface Dispatch {
  readonly request: RunRequest;
  readonly trail: Trail;
  readonly signal: AbortSignal;
}

const MAX_AGE_MS = 300_000;
/** Of the memory that is free at the start, unless the bound says otherwise. */
const WARM_SHARE = 1 / 4;

/** `isBusy`: whether runs wait for a place, so that nothing may be booted ahead. */
export const createGeneration = (options: SandboxOptions, isBusy: () => boolean): Generation => {
  const running = new Set<Promise<unknown>>();
  const execProblem = createExecJudge(options.execution.blocked_commands ?? []);
  let coldBoots = 0;
  let pool: Pool | undefined;
  const opening = openSite(options, (state) => {
    if (!state.ok) pool?.empty(); // who knows what it booted
  });

  const openPool = (driver: SandboxDriver, egress: Egress | undefined): Pool | undefined => {
    const { warmPool, log } = options;
    // A slot elsewhere is a turn in its tenant's one sandbox: waiting, it would keep all others out.
    if (warmPool === "off" || driver.idleBytes === 0) return undefined;
    return createPool({
      open: (spec) => openCell(driver, egress, { ...spec, unhurried: "boot" }),
      close: (cell) => closeCell(driver, cell),
      cellBytes: driver.idleBytes,
      memoryBytes: warmPool.memoryBytes ?? process.availableMemory() * WARM_SHARE,
      maxAgeMs: warmPool.maxAgeMs ?? MAX_AGE_MS,
      maxPerKey: 2 * availableParallelism(),
      parallelBoots: Math.max(1, availableParallelism() - 1),
      mayBoot: () => !isBusy() && coldBoots === 0,
      clock: systemClock,
      onReady: (spec) => warmPool.onReady?.(cellKey(spec)),
      onFault: (error) => log.warn({ error: messageOf(error) }, "warm sandbox failed"),
    });
  };

  const boot = async (driver: SandboxDriver, egress: Egress | undefined, spec: CellSpec) => {
    coldBoots++;
    try {
      return await openCell(driver, egress, spec);
    } finally {
      coldBoots--;
    }
  };

  const runIn = async (
    cell: Cell,
    driver: SandboxDriver,
    { request, trail, signal }: Dispatch,
    wayOut: OpenEgress | undefined,
  ): Promise<RunResult> => {
    try {
      cell.link?.bind({
        tenantId: request.tenantId,
        runId: request.runId,
        only: wayOut?.onlyFor(request.egress) ?? [],
        credentials: request.credentials,
        bytesPerSecond: request.limits.egressBytesPerSecond,
        record: (decision) => trail.egress(decision),
      });
      trail.started();
      const observe = observer(execProblem, trail);
      const env = { ...request.env, ...placeholderVariables(request.credentials) };
      const lost = (count: number) => trail.lost(count);
      const run = { request: { ...request, env }, observe, lost };
      return await driver.dispatch(cell.slot, run, signal);
    } finally {
      await cell.link?.close(); // so that what went through it is on record before the end
    }
  };

  /** Its processes are dead; nobody has to wait for the rest. */
  const clear = (cell: Cell, driver: SandboxDriver, engine: Engine): Promise<void> =>
    hold(
      closeCell(driver, cell).catch((error: unknown) => {
        options.log.warn({ error: messageOf(error) }, "sandbox not cleared away");
        engine.ended(withoutRun("killed", "internal", messageOf(error)));
      }),
    );

  const run = async ({ request, trail, signal }: Dispatch): Promise<Performed> => {
    const opened = await opening;
    const state = opened.ok ? await opened.site.engine.state() : opened;
    if (!opened.ok || !state.ok) {
      const detail = state.ok ? "closed" : state.reason;
      return { result: withoutRun("blocked", "unavailable", detail), cleared: Promise.resolve() };
    }
    const { driver } = state;
    const { wayOut, engine, trees } = opened.site;
    let result: RunResult;
    let cleared = Promise.resolve();
    try {
      const { readonly, trees: asked = new Map() } = request;
      const borrowed = await trees.borrow(asked);
      try {
        const all = new Map([...readonly, ...borrowed.folders]);
        const dispatch = { request: { ...request, readonly: all }, trail, signal };
        pool ??= openPool(driver, wayOut?.egress);
        const spec = cellSpecOf(dispatch.request);
        const cell = pool?.take(spec) ?? (await boot(driver, wayOut?.egress, spec));
        try {
          result = await runIn(cell, driver, dispatch, wayOut);
        } finally {
          cleared = clear(cell, driver, engine);
        }
      } finally {
        cleared = cleared.then(borrowed.giveBack);
      }
    } catch (error) {
      result = withoutRun("killed", "internal", messageOf(error));
    }
    if (result.reason === "internal") {
      options.log.warn({ runId: request.runId, error: result.detail }, "sandbox engine failed");
    }
    engine.ended(result);
    return { result, cleared };
  };

  const hold = <T>(work: Promise<T>): Promise<T> => {
    const held = work.finally(() => running.delete(held));
    running.add(held);
    return held;
  };

  return {
    async status() {
      const opened = await opening;
      return opened.ok ? describe(await opened.site.engine.state(), options) : opened;
    },
    run: (request, trail, signal) => hold(run({ request, trail, signal })),
    refill: () => pool?.refill(),
    async close() {
      const opened = await opening;
      if (opened.ok) opened.site.engine.close();
      await pool?.close();
      while (running.size > 0) await Promise.allSettled(running);
      await pool?.close(); // a run that was on its way in may have opened it
      if (opened.ok) await opened.site.close();
    },
  };
};

/** Records what an engine sees, and ends the run at the first blocked command. */
const observer = (
  execProblem: (observation: Observation) => string | undefined,
  trail: Trail,
): ((observation: Observation) => "go on" | "kill") => {
  let isRefused = false;
  return (observation) => {
    trail.observed(observation);
    const problem = isRefused ? undefined : execProblem(observation);
    if (problem !== undefined) {
      isRefused = true;
      trail.refused(problem);
    }
    return isRefused ? "kill" : "go on";
  };
};

const cellSpecOf = (request: RunRequest): CellSpec => {
  const { tenantId, language, limits, readonly, egress, credentials } = request;
  return {
    tenantId,
    language,
    limits,
    readonly,
    hasNetwork: egress === "settings" || (egress !== "none" && egress.length > 0),
    endsTls: credentials.length > 0,
  };
};

const ENGINE_NAMES: Readonly<Record<EngineName, string>> = {
  gvisor: "gVisor",
  bubblewrap: "bubblewrap",
  firecracker: "Firecracker",
  openshell: "NVIDIA OpenShell",
};

const describe = (state: EngineState, options: SandboxOptions): SandboxStatus => {
  if (!state.ok) return state;
  const { driver, probe } = state;
  const { version, platform, strength } = probe;
  return {
    ok: true,
    engine: driver.name,
    version,
    isolation: `${ENGINE_NAMES[driver.name]} ${version}, ${platform}`,
    strength: { ...strength, unenforced: askedInVain(options, strength.unenforced) },
  };
};
