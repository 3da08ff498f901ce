import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { Authority } from "./authority.ts";
import type { Budget } from "./bandwidth.ts";
import type { Destinations } from "./destination.ts";
import type { EgressDecision, EgressRun } from "./egress.ts";

/** How long the proxy waits for what. */
export interface Timeouts {
  readonly resolveMs: number;
  readonly connectMs: number;
  /** For a request's head, and for a ClientHello. */
  readonly headMs: number;
  /** With no byte in either direction; also for the beginning of an answer. */
  readonly idleMs: number;
}

/** What all connections of one link have in common once a run is bound to it. */
export interface Passage {
  readonly run: EgressRun;
  readonly destinations: Destinations;
  readonly budget: Budget;
  readonly timeouts: Timeouts;
  /** Only where the tenant lets TLS be ended here. */
  readonly authority?: Authority;
  /** What the proxy trusts where it begins TLS itself. */
  readonly trust: () => SecureContext;
  /** Resolves when the next request may be judged: a job cannot flood the record. */
  pace(): Promise<void>;
  /** Ends the connection with the link. */
  track(socket: Socket): void;
  begin(): Exchange;
}

type Outcome = Pick<EgressDecision, "method" | "host" | "port" | "path" | "decision" | "rule">;

/** One request from its arrival to its record. */
export interface Exchange {
  sent(bytes: number): void;
  received(bytes: number): void;
  /** Makes the record; only the first call counts. */
  end(outcome: Outcome): void;
}

export const beginExchange = (
  record: (decision: EgressDecision) => void,
  nowMs: () => number,
): Exchange => {
  const [at, startMs] = [new Date(), nowMs()];
  let [sentBytes, receivedBytes, hasEnded] = [0, 0, false];
  return {
    sent: (bytes) => {
      sentBytes += bytes;
    },
    received: (bytes) => {
      receivedBytes += bytes;
    },
    end(outcome) {
      if (hasEnded) return;
      hasEnded = true;
      const durationMs = Math.round(nowMs() - startMs);
      record({ at, ...outcome, sentBytes, receivedBytes, durationMs });
    },
  };
};

/** What a client that was refused gets to read. */
export const refusalText = (rule: string, place?: { host?: string; port?: number }): string =>
  `openshell: refused: ${rule}${place?.host === undefined ? "" : ` (${place.host}:${place.port})`}\n`;
