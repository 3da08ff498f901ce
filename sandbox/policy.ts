import type { Limits } from "./driver.ts";

/** The `openshell` settings as they come out of the settings file: defaults filled in. */
export interface OpenshellSettings {
  readonly isolation: string;
  /** Refuse to run at all where the engine cannot hold what these settings ask for. */
  readonly strict: boolean;
  readonly filesystem: {
    /** GiB over all writable paths together. */
    readonly max_size_gb: number;
    readonly allowed_paths: readonly string[];
    readonly readonly_paths: readonly string[];
  };
  readonly network: {
    readonly mode: "off" | "whitelist";
    /** Host names, exact or `*.suffix`. */
    readonly allowed_domains?: readonly string[] | undefined;
    readonly blocked_ports?: readonly number[] | undefined;
    /** Megabits per second over all runs of a tenant; at most this for one run. */
    readonly egress_bandwidth_mbps?: number | undefined;
  };
  readonly execution: {
    readonly max_cpu_seconds: number;
    /** MiB. */
    readonly max_memory_mb: number;
    readonly allowed_languages: readonly string[];
    readonly blocked_commands?: readonly string[] | undefined;
  };
  readonly audit?:
    | {
        readonly log_all_commands?: boolean | undefined;
        readonly log_network_requests?: boolean | undefined;
        readonly log_file_access?: boolean | undefined;
        /** Exporter beside the audit file, e.g. `splunk`; `file` is none. */
        readonly export_to?: string | undefined;
      }
    | undefined;
  /** By host name; asked before DNS. Grants nothing. */
  readonly hosts?: Readonly<Record<string, HostSettings>> | undefined;
  /** OpenShell policy, absolute: narrows what `network` opens to its ports and requests. */
  readonly policy_file?: string | undefined;
  /** PEM file, absolute: trusted inside the sandbox and by the proxy. */
  readonly egress_ca_file?: string | undefined;
  /** NVIDIA OpenShell gateway of the engine `openshell`. */
  readonly gateway?: GatewaySettings | undefined;
}

/** How the engine `openshell` finds its gateway, and what it makes sandboxes of. */
export interface GatewaySettings {
  /** As the CLI knows it; absent means its active one. */
  readonly name?: string | undefined;
  readonly image: string;
  /** The CLI, absolute. */
  readonly program?: string | undefined;
}

/** Where a host name of the settings really leads. */
export interface HostSettings {
  readonly address?: string | undefined;
  /** Port to dial by port asked for. */
  readonly port_map?: Readonly<Record<string, number>> | undefined;
  /** Permits an address in a private range. */
  readonly internal?: boolean | undefined;
}

/** What a job asks for; the settings cap each, or the gateway where the settings have no such key. */
export interface AskedLimits {
  readonly wallSeconds?: number | undefined;
  readonly cpuSeconds?: number | undefined;
  readonly memoryMb?: number | undefined;
  readonly pids?: number | undefined;
  readonly diskMb?: number | undefined;
  /** Per stream. */
  readonly outputBytes?: number | undefined;
  readonly egressMbps?: number | undefined;
}

const DEFAULT_WALL_SECONDS = 60;
/** A run that may burn its whole CPU time also has to boot and to wait for its disk. */
const WALL_OVER_CPU_SECONDS = 10;
const PIDS = { default: 64, most: 256 };
const FILES = 65_536;
const OUTPUT_BYTES = { default: 1 << 20, most: 16 << 20 };
const EGRESS_MBPS = 100;
const BYTES_PER_MEGABIT = 125_000;
const MIB = 2 ** 20;

/** Turns what a job asks for into its limits: never more than the settings allow. */
export const createLimits = (
  settings: Pick<OpenshellSettings, "filesystem" | "execution" | "network">,
) => {
  const { filesystem, execution, network } = settings;
  const { max_cpu_seconds, max_memory_mb } = execution;
  const mostWall = max_cpu_seconds + WALL_OVER_CPU_SECONDS;
  const mbps = network.egress_bandwidth_mbps ?? EGRESS_MBPS;
  return (asked: AskedLimits = {}): Limits => ({
    wallMs:
      lower(asked.wallSeconds, Math.max(mostWall, DEFAULT_WALL_SECONDS), {
        unasked: Math.min(mostWall, DEFAULT_WALL_SECONDS),
      }) * 1000,
    cpuMs: lower(asked.cpuSeconds, max_cpu_seconds) * 1000,
    memoryBytes: whole(lower(asked.memoryMb, max_memory_mb) * MIB),
    pids: whole(lower(asked.pids, PIDS.most, { unasked: PIDS.default })),
    diskBytes: whole(Math.min((asked.diskMb ?? Infinity) * MIB, filesystem.max_size_gb * 2 ** 30)),
    outputBytes: whole(
      lower(asked.outputBytes, OUTPUT_BYTES.most, { unasked: OUTPUT_BYTES.default }),
    ),
    files: FILES,
    egressBytesPerSecond: whole(lower(asked.egressMbps, mbps) * BYTES_PER_MEGABIT),
  });
};

const lower = (asked: number | undefined, most: number, { unasked = most } = {}): number =>
  Math.min(asked ?? unasked, most);

/** At least 1: nothing may be rounded to "no limit". */
const whole = (amount: number): number => Math.max(1, Math.floor(amount));
