/** What is worked on strictly in order, and whose share of the capacity it uses. */
export interface Lane {
  /** Channel, workspace and conversation in one string; opaque here. */
  readonly id: string;
  readonly tenantId: string;
}

/**
 * Decides who works on which lane and when: one step of a lane at a time, lanes in parallel, tenants
 * taking turns, each with at most its share of the capacity. What the work is stays in the store, so
 * losing a schedule loses nothing: whatever it forgets, it finds again by asking its source.
 */
export interface Schedule {
  /** There may be work in this lane; safe at any time, also while its step is finishing. Never throws. */
  wake(lane: Lane): void;
  /** Whether so much of this tenant's work waits already that no more should be accepted for now. */
  isFull(tenantId: string): boolean;
  /** Starts no more steps; resolves when the running ones are over. */
  drain(): Promise<void>;
}

/**
 * Does one piece of work of a lane. Then: `again` at once, `idle` until woken, or look again
 * `afterMs` later. A step that throws is tried again after a pause.
 */
export type Step = (lane: Lane) => Promise<"again" | "idle" | { readonly afterMs: number }>;

/**
 * Lanes with work in the store, in a fixed order, each once; `after` = the id of the last one that
 * was seen, undefined to begin. Fewer than `limit` means that there are no more.
 */
export type LaneSource = (after: string | undefined, limit: number) => Promise<readonly Lane[]>;
