import type { Credential, HostPort, WayOut } from "../driver.ts";

/** The one way out of sandboxes: a proxy that lets through what the settings allow and records it. */
export interface Egress {
  /**
   * A way out for one slot; nothing passes before a run is bound to it. The slot trusts a certificate
   * authority of its own where the tenant's rules look into TLS, or where `endsTls` asks for it: only
   * then are credentials placed over TLS.
   */
  open(slotId: string, tenantId: string, endsTls?: boolean): Promise<EgressLink>;
  close(): Promise<void>;
}

export interface EgressLink {
  readonly wayOut: WayOut;
  /** From here on what comes through belongs to this run, of the link's tenant. Once per link. */
  bind(run: EgressRun): void;
  /** Idempotent: ends every connection and removes the socket. */
  close(): Promise<void>;
}

/** For whom a link passes traffic, and what of the settings it may use. */
export interface EgressRun {
  readonly tenantId: string;
  readonly runId: string;
  /** Less than the settings allow, or all of it. */
  readonly only: "settings" | readonly HostPort[];
  readonly credentials: readonly Credential[];
  /** Shared by all runs of a tenant; the lowest of settings and request. */
  readonly bytesPerSecond: number;
  record(decision: EgressDecision): void;
}

/** One request for a way out, and what became of it. */
export interface EgressDecision {
  readonly at: Date;
  /** `CONNECT`, or the method of a plain request. */
  readonly method: string;
  /** As asked for, folded; what cannot be a host name is quoted as it came, cut. */
  readonly host: string;
  readonly port: number;
  /** Without its query string. */
  readonly path?: string;
  readonly decision: "allow" | "deny";
  /** Which rule decided, in words. */
  readonly rule: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly durationMs: number;
}
