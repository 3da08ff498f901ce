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
      readonly strength: Strength;
    }
  | { readonly ok: false; readonly reason: string };

export type EngineName = "gvisor" | "bubblewrap" | "firecracker" | "openshell";
export type Language = "python" | "javascript" | "bash";

/** What an engine really does on this machine, as its probe found it. */
export interface Strength {
  /** What stands between a job and the host's kernel, strongest first. */
  readonly wall: "virtual machine" | "kernel in user space" | "namespaces and system call filter";
  /**
   * Paths of settings that this engine cannot hold here, e.g. `openshell.execution.max_memory_mb`;
   * `limits.pids` is what a run may have of processes, for which there is no setting.
   */
  readonly unenforced: readonly string[];
  /** What its observations cover; the rest of a job's doings is not seen. */
  readonly sees: readonly Observation["kind"][];
}

/** One engine. A slot is prepared, used once, destroyed; never reset, never shared. */
export interface SandboxDriver {
  readonly name: EngineName;
  /** What a slot that waits for its job keeps of this machine's memory; 0 where none may wait. */
  readonly idleBytes: number;
  /**
   * Tries the engine inside a real sandbox: write to /etc, see other processes, reach the network,
   * exceed memory. Never rejects. `known` is what the same engine passed minutes ago in another
   * process: it may be taken over instead of trying again.
   */
  probe(known?: Probe & { readonly ok: true }): Promise<Probe>;
  /** Boots a sandbox up to where its interpreter waits for the job. */
  prepare(spec: SlotSpec): Promise<Slot>;
  /** Runs the one job of a slot; the wall clock starts here. */
  dispatch(slot: Slot, run: Run, signal: AbortSignal): Promise<RunResult>;
  /** Idempotent: kills what is left and removes every trace. */
  destroy(slot: Slot): Promise<void>;
  /** Gives back what outlives slots, where there is such a thing. Never rejects. */
  close?(): Promise<void>;
}

export type Probe =
  | {
      readonly ok: true;
      readonly version: string;
      readonly platform: string;
      readonly strength: Strength;
    }
  | { readonly ok: false; readonly reason: string };

/** All that may be known of a run before it is dispatched: no tenant data but the tenant id. */
export interface SlotSpec {
  readonly tenantId: string;
  readonly language: Language;
  readonly limits: Limits;
  /** Absolute host folder by absolute path inside. Everything else of the host is absent. */
  readonly readonly: ReadonlyMap<string, string>;
  /** The only way out; absent means no network at all. */
  readonly wayOut?: WayOut;
  /** What nobody waits for, so that it leaves the processor to everything else. Default: nothing. */
  readonly unhurried?: "boot" | "boot and job";
}

/** What the egress proxy puts into a sandbox so that ordinary clients find it. */
export interface WayOut {
  /** Host folder that is mounted read-only at `path`; holds the socket and what speaks to it. */
  readonly folder: string;
  readonly path: string;
  /**
   * Command line, run inside as the job's user: listens on loopback, ports 80 and 443 too, and passes
   * all on to the sockets. Once it listens it becomes the command that follows it on the same line,
   * leaving one process behind; when it ends with anything but 0 there is no way out. On Linux its
   * network namespace needs net.ipv4.ip_unprivileged_port_start=0; gVisor lets everyone bind low ports.
   */
  readonly forwarder: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Lines that /etc/hosts has beside localhost. */
  readonly hosts: string;
}

export interface Slot {
  /** Random; names the cgroup and the bundle folder. */
  readonly id: string;
  readonly spec: SlotSpec;
  /** Aborts when the sandbox died before its job came; such a slot can only be destroyed. */
  readonly ended: AbortSignal;
}

/** A job on its way through an engine, and who is told of what it does. */
export interface Run {
  readonly request: RunRequest;
  /** Called for what the engine sees; must not throw. Answering `kill` ends the run (`policy`). */
  observe(observation: Observation): "go on" | "kill";
  /** Observations that the engine lost; Infinity when from now on it sees nothing more. */
  lost(count: number): void;
}

/**
 * What a job tried, as the engine saw it: attempts, not outcomes, in the job's own words. An empty
 * `path` is one that the engine was kept from seeing, e.g. by arguments that are not UTF-8.
 */
export type Observation =
  | {
      readonly kind: "exec";
      readonly at: Date;
      readonly pid: number;
      readonly path: string;
      readonly argv: readonly string[];
    }
  | {
      readonly kind: "open";
      readonly at: Date;
      readonly pid: number;
      readonly path: string;
      readonly isWrite: boolean;
    }
  | {
      readonly kind: "connect";
      readonly at: Date;
      readonly pid: number;
      /** An address or a socket's path. */
      readonly to: string;
      readonly port?: number;
    };

export interface RunRequest {
  /** Appears in logs and audit; a plain name: letters, digits, then . _ - too, at most 64. */
  readonly runId: string;
  readonly tenantId: string;
  /** Whom the run is for, for the audit only. */
  readonly origin: { readonly skill?: string; readonly messageId?: string };
  readonly language: Language;
  readonly program: Program;
  readonly argv: readonly string[];
  readonly stdin: Buffer;
  /** The whole environment beside PATH and HOME; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
  readonly readonly: ReadonlyMap<string, string>;
  /** Shown read-only by path inside, as `readonly` folders are: what was read once, whatever became of it. */
  readonly trees?: ReadonlyMap<string, FileTree>;
  /** `none`, all that the settings allow, or less than that. */
  readonly egress: "none" | "settings" | readonly HostPort[];
  /** Placed by the egress proxy; inside, the variable holds a placeholder. */
  readonly credentials: readonly Credential[];
  /** Name of the folder in the job's home whose files come back. */
  readonly outputs?: string;
}

export type Program =
  /** Absolute path inside the sandbox, in one of the read-only mounts. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "source"; readonly text: string };

/** Files that belong together. */
export interface FileTree {
  /** Trees with the same digest are the same. */
  readonly digest: string;
  /** Bytes by relative name with forward slashes. */
  readonly files: ReadonlyMap<string, Buffer>;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A secret that a job may use without holding it: put into requests to this one host only. */
export interface Credential {
  /** Variable that bears the placeholder. */
  readonly name: string;
  readonly secret: string;
  readonly host: string;
}

/** Every field required: there is no accidental "unlimited". */
export interface Limits {
  readonly wallMs: number;
  /** Over the whole process tree. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly pids: number;
  /** Over all writable paths together. */
  readonly diskBytes: number;
  /** Files and folders, over all writable paths together. */
  readonly files: number;
  /** Per stream, stdout and stderr each; more ends the run. */
  readonly outputBytes: number;
  /** Over both directions. */
  readonly egressBytesPerSecond: number;
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
    | "pids"
    | "disk"
    | "output"
    | "policy"
    | "aborted"
    | "unavailable"
    | "internal";
  /** For an operator: what happened, without the job's own words. */
  readonly detail?: string;
  readonly exitCode?: number;
  /** Number of the signal that ended the job. */
  readonly signal?: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Whether an output stream or the outputs were cut. */
  readonly isTruncated: boolean;
  readonly outputs: readonly OutputFile[];
  readonly usage: {
    readonly wallMs: number;
    readonly cpuMs: number;
    readonly peakMemoryBytes: number;
  };
}

/** A file that a job left in its outputs folder. */
export interface OutputFile {
  /** Relative to the job's home, e.g. `out/report.csv`. */
  readonly path: string;
  readonly bytes: Buffer;
}
