import type { Clock } from "./clock.ts";
import type { RunResult, SandboxDriver } from "./driver.ts";
import { messageOf } from "./errors.ts";
import type { PassedProbe, Proofs } from "./proof.ts";

/** The one engine of a sandbox: chosen by trying, and tried again when it fails. */
export interface Engine {
  /** Waits for a probe that is under way. Never rejects. */
  state(): Promise<EngineState>;
  /** How a run on it ended. Two faults of its own in a row, and it has to prove itself again. */
  ended(result: RunResult): void;
  close(): void;
}

export type EngineState =
  | { readonly ok: true; readonly driver: SandboxDriver; readonly probe: PassedProbe }
  | { readonly ok: false; readonly reason: string };

export interface EngineOptions {
  /** Strongest first; asked for at each attempt, since one may have been installed meanwhile. */
  candidates(): readonly SandboxDriver[];
  /** Why an engine that works may not be used all the same. */
  objection(probe: PassedProbe): string | undefined;
  readonly proofs?: Proofs;
  readonly clock: Clock;
  /** Told of each change; the first state included. */
  onChange(state: EngineState): void;
}

const FAULTS = 2;
const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 300_000;

/**
 * Takes the first candidate that passes. Once taken it stays: when it fails later, nothing runs
 * until it passes again, since whoever can make it fail must not be able to choose a weaker one.
 */
export const createEngine = (options: EngineOptions): Engine => {
  const { candidates, objection, proofs, clock, onChange } = options;
  let chosen: SandboxDriver | undefined;
  let faults = 0;
  let retryMs = FIRST_RETRY_MS;
  let callOff = () => {};
  let isClosed = false;
  let last: EngineState | undefined;
  let isProbing = false;

  const attempt = async (driver: SandboxDriver, mayTrust: boolean): Promise<EngineState> => {
    const known = mayTrust ? proofs?.find(driver.name) : undefined;
    const probe = await driver.probe(known);
    if (!probe.ok) return probe;
    const problem = objection(probe);
    if (problem !== undefined) return { ok: false, reason: problem };
    if (known === undefined) proofs?.keep(driver.name, probe);
    chosen = driver;
    return { ok: true, driver, probe };
  };

  const choose = async (mayTrust: boolean): Promise<EngineState> => {
    const problems: string[] = [];
    for (const driver of chosen === undefined ? candidates() : [chosen]) {
      const state = await attempt(driver, mayTrust).catch(
        (error: unknown): EngineState => ({ ok: false, reason: messageOf(error) }),
      );
      if (state.ok) return state;
      problems.push(`${driver.name}: ${state.reason}`);
    }
    return { ok: false, reason: problems.join("; ") || "what its engine needs is not set up here" };
  };

  const probe = async (mayTrust: boolean): Promise<EngineState> => {
    isProbing = true;
    const state = await choose(mayTrust).catch(
      (error: unknown): EngineState => ({ ok: false, reason: messageOf(error) }),
    );
    isProbing = false;
    faults = 0;
    if (!isClosed) {
      if (state.ok) retryMs = FIRST_RETRY_MS;
      else {
        callOff = clock.after(retryMs, () => {
          current = probe(false);
        });
        retryMs = Math.min(2 * retryMs, LAST_RETRY_MS);
      }
      if (!isSame(last, state)) onChange(state);
      last = state;
    }
    return state;
  };
  let current = probe(true);

  return {
    state: () => current,
    ended({ reason }) {
      if (reason !== "internal") {
        faults = 0;
        return;
      }
      faults++;
      if (chosen !== undefined) proofs?.forget(chosen.name);
      if (faults < FAULTS || isProbing || isClosed || !last?.ok) return;
      current = probe(false);
    },
    close() {
      isClosed = true;
      callOff();
    },
  };
};

const isSame = (before: EngineState | undefined, after: EngineState): boolean =>
  before?.ok === false && !after.ok ? before.reason === after.reason : before?.ok === after.ok;
