/** What the rest of the gateway knows of the sandbox: run this, isolated, or be told why not. */
export interface Sandbox {
  /** Settles when the start-up self-test is over; never rejects. */
  status(): Promise<SandboxStatus>;
  /** Awaits the self-test, then runs one job in a fresh sandbox. Does not throw for what a job does. */
  run(request: RunRequest, signal: AbortSignal): Promise<RunResult>;
  /** Kills what still runs and removes every trace of it. */
  close(): Promise<void>;
}

export type SandboxStatus =
  | {
      readonly ok: true;
      readonly engine: EngineName;
      readonly version: string;
      /** What really isolates, in words for an operator, e.g. `gVisor 20240729, systrap`. */
      readonly isolation: string;
    }
  | { readonly ok: false; readonly reason: string };

export type EngineName = "gvisor" | "bubblewrap";
export type Language = "python" | "javascript" | "bash";

/** One engine. A slot is prepared, used once, destroyed; never reset, never shared. */
export interface SandboxDriver {
  readonly name: EngineName;
  /** Tries the engine: runs `true` in it and checks that a write to /etc fails. Never rejects. */
  probe(): Promise<Probe>;
  prepare(spec: SlotSpec): Promise<Slot>;
  dispatch(slot: Slot, request: RunRequest, signal: AbortSignal): Promise<RunResult>;
  /** Idempotent: kills the cgroup and removes every trace. */
  destroy(slot: Slot): Promise<void>;
}

export type Probe =
  | { readonly ok: true; readonly version: string; readonly platform: string }
  | { readonly ok: false; readonly reason: string };

/** All that may be known of a run before it is dispatched: no tenant data but the tenant id. */
export interface SlotSpec {
  readonly tenantId: string;
  readonly language: Language;
  readonly limits: Limits;
  /** Absolute host folder by absolute path inside. Everything else of the host is absent. */
  readonly readonly: ReadonlyMap<string, string>;
}

export interface Slot {
  /** Random; names the cgroup and the bundle folder. */
  readonly id: string;
  readonly spec: SlotSpec;
}

export interface RunRequest {
  /** Appears in logs and audit; `[a-z0-9-]{1,64}`. */
  readonly runId: string;
  readonly tenantId: string;
  readonly language: Language;
  /** Absolute path inside the sandbox of the script that the interpreter runs. */
  readonly script: string;
  readonly argv: readonly string[];
  readonly stdin: Buffer;
  /** The whole environment beside PATH and HOME; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly readonly: ReadonlyMap<string, string>;
}

/** Every field required: there is no accidental "unlimited". */
export interface Limits {
  readonly wallMs: number;
  /** Over the whole process tree. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly processes: number;
  /** Over all writable paths together. */
  readonly diskBytes: number;
  /** Per stream, stdout and stderr each; more ends the run. */
  readonly outputBytes: number;
}

export interface RunResult {
  /**
   * ok: exit 0. error: the job's own non-zero exit. blocked: refused before it started.
   * killed: ended by us, or by a driver failure (`internal`), which is never the job's fault.
   * Comes from exit status and cgroup, never from what the job prints.
   */
  readonly verdict: "ok" | "error" | "blocked" | "killed";
  readonly reason?:
    | "wall"
    | "cpu"
    | "memory"
    | "processes"
    | "disk"
    | "output"
    | "policy"
    | "aborted"
    | "unavailable"
    | "internal";
  /** For an operator: what happened, without the job's own words. */
  readonly detail?: string;
  readonly exitCode?: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly usage: {
    readonly wallMs: number;
    readonly cpuMs: number;
    readonly peakMemoryBytes: number;
  };
}
