import type { AuditSink } from "./audit/trail.ts";
import type { EnginePlaces } from "./candidates.ts";
import type { OpenshellSettings } from "./policy.ts";

/** The `openshell` settings, and where things lie on this machine. */
export interface SandboxOptions extends OpenshellSettings, EnginePlaces {
  /** Holds what a run needs while it runs; default /run/clawgate. */
  readonly stateFolder?: string;
  /** Takes the record of every run; whoever made it closes it. `none` keeps no record. */
  readonly auditSink: AuditSink | "none";
  /** Whether sandboxes are booted ahead of the runs that need them; for one run it is not worth it. */
  readonly warmPool: "off" | WarmPoolBounds;
  /** Take the word of a probe that another process passed some minutes ago. */
  readonly isProofEnough?: boolean;
  readonly log: SandboxLog;
}

/** How much may be kept booted ahead. */
export interface WarmPoolBounds {
  /** For all waiting sandboxes together; default a share of the memory that is free at the start. */
  readonly memoryBytes?: number;
  /** A sandbox that waited longer is replaced; default 5 minutes. */
  readonly maxAgeMs?: number;
  /** Told the key (see `cellKey`) of each sandbox that begins to wait. */
  readonly onReady?: (key: string) => void;
}

/** What the sandbox tells an operator; never the words of a job. */
export interface SandboxLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}
