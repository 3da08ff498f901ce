/** What a tenant's contacts are told of by the gateway itself: facts and figures, never anybody's words. */
export interface Notice {
  readonly kind: NoticeKind;
  /** Whose it is, whichever tenant the contact is in. */
  readonly tenantId: string;
  /** In the tenant's time zone, e.g. `2026-03`. */
  readonly month: string;
  /** What the month may cost, in US dollars. */
  readonly limitUsd: number;
  /** What it has cost by then, with what is set aside for calls that are under way. */
  readonly usedUsd: number;
}

/** Stable; named in the audit log. */
export type NoticeKind = "budget_warning" | "budget_exceeded";
