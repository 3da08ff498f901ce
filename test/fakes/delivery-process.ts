import { createInbox, type Inbox, type InboxEntry } from "../../core/delivery/inbox.ts";
import { createOutbox, type Outbox, type OutboxOptions } from "../../core/delivery/outbox.ts";
import { type ProcessLease, takeProcessLease } from "../../core/delivery/process-lease.ts";
import type { Lane } from "../../core/delivery/schedule.ts";
import type { ContentCipher } from "../../core/store/content-cipher.ts";
import type { Store } from "../../core/store/store.ts";
import { cipherOn } from "./cipher.ts";
import { type RecordedLog, recordedLog } from "./log.ts";

/** What one process knows of deliveries: its lease, its inbox and its outbox on a store. */
export interface DeliveryProcess {
  readonly lease: ProcessLease;
  readonly cipher: ContentCipher;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly log: RecordedLog;
  /** Lanes that the outbox woke, in order, unless it has a schedule. */
  readonly woken: Lane[];
}

export interface DeliveryProcessOptions
  extends Partial<
    Pick<OutboxOptions, "adapters" | "holdsLease" | "leaseTerm" | "schedule" | "signal">
  > {
  readonly store: Store;
  /** Where the master key is. */
  readonly folder: string;
  readonly now: () => Date;
  readonly leaseMs?: number;
  /** No other process can be at work on this store. */
  readonly isAlone?: boolean;
  /** Default true. */
  readonly isGateway?: boolean;
  /** What comes in is worked on here. */
  readonly takesAtOnce?: boolean;
  /** In [0, 1); 0 makes every pause the shortest. */
  readonly random?: () => number;
}

/** A process beside others; nothing runs in it but what a test calls. */
export const deliveryProcess = async (
  options: DeliveryProcessOptions,
): Promise<DeliveryProcess> => {
  const { store, folder, now, leaseMs = 15_000, isAlone = false, isGateway = true } = options;
  const { takesAtOnce = false, adapters = new Map(), random = () => 0 } = options;
  const log = recordedLog();
  const cipher = await cipherOn(store, folder);
  const lease = await takeProcessLease({ store, now, log, leaseMs, isAlone });
  if (isGateway) await lease.setListening(true);
  const woken: Lane[] = [];
  const parts = { store, cipher, owner: lease.id, now, log };
  return {
    lease,
    cipher,
    log,
    woken,
    inbox: createInbox({ ...parts, takesAtOnce }),
    outbox: createOutbox({
      ...parts,
      isAlone,
      adapters,
      random,
      ...(options.holdsLease && { holdsLease: options.holdsLease }),
      ...(options.leaseTerm && { leaseTerm: options.leaseTerm }),
      schedule: options.schedule ?? (() => ({ wake: (lane) => woken.push(lane) })),
      signal: options.signal ?? new AbortController().signal,
    }),
  };
};

/** What a process can begin in this lane; throws when it is nothing. */
export const begin = async ({ inbox }: DeliveryProcess, lane: Lane): Promise<InboxEntry> => {
  const claim = await inbox.claim(lane);
  if (claim.kind !== "entry") throw new Error(`nothing to begin: ${JSON.stringify(claim)}`);
  return claim.entry;
};
