/** What is worked on strictly in order, and whose share of the capacity it uses. */
export interface Lane {
  /** Channel, workspace and conversation in one string; opaque here. Tenants may share a conversation. */
  readonly id: string;
  readonly tenantId: string;
}

/** A lane in one string: the same for no other tenant's, not even in a conversation that they share. */
export const laneKey = ({ tenantId, id }: Lane): string => `${tenantId}\n${id}`;

/**
 * Decides who works on which lane and when: one step of a lane at a time, lanes in parallel, tenants
 * taking turns, each with at most its share of the capacity. What the work is stays in the store, so
 * losing a schedule loses nothing: whatever it forgets, it finds again by asking its source. Works
 * from the moment it is created, beginning with what the store holds already.
 */
export interface Schedule {
  /** There may be work in this lane; safe at any time, also while its step is finishing. Never throws. */
  wake(lane: Lane): void;
  /**
   * Begins a lane's next step within this call, by doing this in place of it; it may ask for more, as
   * any step. False, and not done, where it would have to wait: for the lane, for a slot, or behind
   * what is left to the store. Absent where no step can begin at once.
   */
  begin?(lane: Lane, step: Step): boolean;
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
 * Lanes with work in the store, by tenant and then by id in a fixed order, each once, those behind
 * `after`; undefined to begin. Fewer than `limit` means that there are no more. Best without those
 * that wait for their time or that somebody works on: these cost a step that finds nothing to do.
 */
export type LaneSource = (after: LaneCursor | undefined, limit: number) => Promise<readonly Lane[]>;

/** A place in the order of a source: behind this lane, or without an id behind its whole tenant. */
export interface LaneCursor {
  readonly tenantId: string;
  /** Empty: before the first lane of the tenant. */
  readonly id?: string;
}

/** The lane id that a cursor stands behind; one that no lane reaches when it stands behind its tenant. */
export const placeAfter = (cursor: LaneCursor | undefined): string =>
  cursor === undefined ? "" : (cursor.id ?? "\u{10FFFF}");
