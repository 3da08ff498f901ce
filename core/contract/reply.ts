import type { Card } from "./card.ts";

/** What is said back. Every message ends in exactly one Reply; silence is said, never left out. */
export type Reply = Answer | Refusal | Silence;

export interface Answer {
  readonly kind: "text";
  /** May be empty beside a card or files. */
  readonly markdown: string;
  /** Not Markdown but somebody's text: to be shown character by character. */
  readonly isVerbatim?: boolean;
  /** Shown after the text; in answer to a click, instead of the card that was clicked. */
  readonly card?: Card;
  /** Sent after the text and the card, in this order. */
  readonly files?: readonly OutgoingFile[];
}

/** A file that an answer hands over. */
export interface OutgoingFile {
  /** Without folders, e.g. `report.csv`. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** A "no" that the person reads; `markdown` ends with the code in brackets. */
export interface Refusal {
  readonly kind: "refusal";
  readonly code: RefusalCode;
  readonly markdown: string;
}

export interface Silence {
  readonly kind: "silence";
  /** Stable code for the audit log, e.g. `EVENT_NOT_HANDLED`. */
  readonly reason: string;
}

/** Stable, documented in docs/refusals.md; a user may quote one to the help desk. */
export type RefusalCode =
  | "TENANT_UNKNOWN"
  | "TENANT_AMBIGUOUS"
  | "DIRECTORY_UNAVAILABLE"
  | "NOT_PERMITTED"
  | "CONSENT_NEEDED"
  | "KIND_UNSUPPORTED"
  | "MODEL_UNAVAILABLE"
  | "MODEL_TIMEOUT"
  | "MODEL_REFUSED"
  | "PROMPT_TOO_LARGE"
  | "RESIDENCY_REFUSED"
  | "BUDGET_EXCEEDED"
  | "PRICE_UNKNOWN"
  | "RATE_LIMITED"
  | "STEP_LIMIT"
  | "SKILL_NOT_ALLOWED"
  | "SKILL_FAILED"
  | "SKILL_BAD_OUTPUT"
  | "SKILL_TIMEOUT"
  | "SKILL_MEMORY"
  | "SKILL_LIMIT"
  | "SKILL_BLOCKED"
  | "SANDBOX_UNAVAILABLE"
  | "DATA_BLOCKED"
  | "CONTENT_BLOCKED"
  | "CONTENT_HELD"
  | "REVIEW_REJECTED"
  | "REVIEW_EXPIRED"
  | "MODERATION_UNAVAILABLE"
  | "INTERNAL";
