import type { Observation, RunRequest, RunResult } from "../driver.ts";
import type { EgressDecision } from "../egress/egress.ts";

/** Takes audit lines; the file sink now, exporters beside it later. */
export interface AuditSink {
  /** One JSON object on one line. Never throws and never blocks; what it cannot keep it counts. */
  write(line: string): void;
  /** Resolves when all that was written is on disk; rejects when that is not possible now. */
  flush(): Promise<void>;
  readonly dropped: number;
  /** Flushes as far as that is possible; never rejects. */
  close(): Promise<void>;
}

/** The record of one run: one line per event, bound to tenant, run, skill and message. */
export interface Trail {
  started(): void;
  /** A request that was refused before it ran, or was ended for what it did. */
  refused(detail: string): void;
  egress(decision: EgressDecision): void;
  observed(observation: Observation): void;
  /** Infinity: from now on nothing more is seen. */
  lost(count: number): void;
  ended(result: RunResult): void;
}

/** Opens the record of a run. */
export type OpenTrail = (request: RunRequest) => Trail;
