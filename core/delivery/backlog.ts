import type { Lane, LaneCursor, LaneSource } from "./schedule.ts";

/**
 * Lanes that have work and that only the store knows: forgotten for want of room, or left by
 * another process. Brings them in page by page, each tenant's by its own cursor, as there is room.
 */
export interface Backlog {
  /** Looks for lanes in the store, now and from time to time. */
  start(): void;
  /** A lane of this tenant was not kept; it is found in the store later. */
  forget(tenantId: string): void;
  /** Whether lanes of this tenant are known to wait in the store. */
  has(tenantId: string): boolean;
  /** There may be room for this tenant now. Constant time when there is nothing to do. */
  hasRoom(tenantId: string): void;
  /** Asks no more; resolves when the last question is answered. */
  stop(): Promise<void>;
}

export interface BacklogOptions {
  readonly source: LaneSource;
  /** How many lanes of this tenant to ask for now; 0 for none, and then `hasRoom` will say when. */
  readonly room: (tenantId: string) => number;
  /** Takes a lane in, unless it is known already. */
  readonly bring: (lane: Lane) => void;
  readonly sweepMs: number;
  readonly retryAfterMs: number;
  readonly onError: (cause: unknown) => void;
}

interface Walk {
  /** Id of the last lane that was brought in. */
  after: string;
  isAsking: boolean;
  /** A lane was forgotten since the walk began: it may lie behind us, so walk once more. */
  mustRepeat: boolean;
}

export const createBacklog = (options: BacklogOptions): Backlog => {
  const { source, room, bring, sweepMs, retryAfterMs, onError } = options;
  const walks = new Map<string, Walk>();
  const overflowing = new Set<string>();
  // One question at a time: many tenants with a backlog must not ask the store all at once.
  let questions: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;

  const walk = (tenantId: string): void => {
    if (!walks.has(tenantId)) {
      walks.set(tenantId, { after: "", isAsking: false, mustRepeat: false });
    }
    hasRoom(tenantId);
  };

  const hasRoom = (tenantId: string): void => {
    const found = walks.get(tenantId);
    if (!found || found.isAsking || !isOpen || room(tenantId) <= 0) return;
    found.isAsking = true;
    questions = questions.then(() => readPage(tenantId, found));
  };

  const readPage = async (tenantId: string, found: Walk): Promise<void> => {
    // Asked anew: while the question waited for its turn, the room may have been filled.
    const limit = room(tenantId);
    if (isOpen && limit > 0) {
      try {
        const page = await source({ tenantId, id: found.after }, limit);
        if (isOpen) takeIn(tenantId, found, page, limit);
      } catch (cause) {
        onError(cause);
        walks.delete(tenantId); // begun anew by the sweep
        sweepIn(retryAfterMs);
      }
    }
    found.isAsking = false;
    hasRoom(tenantId);
  };

  const takeIn = (tenantId: string, found: Walk, page: readonly Lane[], limit: number): void => {
    const lanes = page.filter((lane) => lane.tenantId === tenantId);
    for (const lane of lanes) bring(lane);
    const last = lanes.at(-1);
    if (last && lanes.length === limit) {
      found.after = last.id;
      overflowing.add(tenantId);
    } else if (found.mustRepeat) {
      found.after = "";
      found.mustRepeat = false;
    } else {
      walks.delete(tenantId);
      overflowing.delete(tenantId);
    }
  };

  const sweep = async (): Promise<void> => {
    try {
      for (const tenantId of overflowing) walk(tenantId);
      for await (const tenantId of tenantsWithWork(source)) {
        if (!isOpen) return;
        walk(tenantId);
      }
      sweepIn(sweepMs);
    } catch (cause) {
      onError(cause);
      sweepIn(retryAfterMs);
    }
  };

  const sweepIn = (afterMs: number): void => {
    clearTimeout(timer);
    if (!isOpen) return;
    timer = setTimeout(() => {
      questions = questions.then(sweep);
    }, afterMs);
  };

  return {
    start: () => {
      questions = questions.then(sweep);
    },
    forget: (tenantId) => {
      overflowing.add(tenantId);
      const found = walks.get(tenantId);
      if (found) found.mustRepeat = true;
      else walk(tenantId);
    },
    has: (tenantId) => overflowing.has(tenantId),
    hasRoom,
    stop: async () => {
      isOpen = false;
      clearTimeout(timer);
      await questions;
    },
  };
};

/** The tenants that have lanes in this source, each once: one question per tenant, of one lane. */
export async function* tenantsWithWork(source: LaneSource): AsyncGenerator<string> {
  let after: LaneCursor | undefined;
  for (;;) {
    const [lane] = await source(after, 1);
    if (!lane) return;
    yield lane.tenantId;
    after = { tenantId: lane.tenantId };
  }
}
