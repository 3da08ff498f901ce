import type { RefusalCode } from "../contract/reply.ts";
import { DataCheck } from "./dlp/data-check.ts";
import { TermCheck } from "./moderation/term-check.ts";
import type { TenantSafety } from "./tenant-safety.ts";
import { mapJson } from "./texts.ts";

/** What goes into a skill, or came out of one, as it may go on. */
export interface CheckedJson {
  readonly value: unknown;
  /** Why it may not go on at all. */
  readonly code?: Extract<
    RefusalCode,
    "DATA_BLOCKED" | "CONTENT_BLOCKED" | "MODERATION_UNAVAILABLE"
  >;
  /** The kinds of data that are the reason. */
  readonly subject?: string;
  /** For the record: kinds, ids and counts. */
  readonly facts: Readonly<Record<string, string>>;
}

/**
 * Checks every text in a JSON value as what goes to models is checked. A term that asks for a review
 * blocks: nobody can release a run whose turn has ended.
 */
export const checkJson = (
  given: unknown,
  { dlp, moderation }: TenantSafety,
  name: "input" | "output",
): CheckedJson => {
  const facts: Record<string, string> = {};
  let value = given;
  if (dlp) {
    const data = new DataCheck(dlp.in);
    value = mapJson(value, data.redact);
    if (data.hasFindings) facts[`${name}_data`] = data.summary;
    if (data.isBlocked) return { value, facts, code: "DATA_BLOCKED", subject: data.kinds };
  }
  if (moderation === "missing") return { value, facts, code: "MODERATION_UNAVAILABLE" };
  if (moderation) {
    const terms = new TermCheck(moderation);
    value = mapJson(value, terms.mask);
    if (terms.hits.length > 0) facts[`${name}_terms`] = terms.summary;
    if (terms.action === "block" || terms.action === "review") {
      return { value, facts, code: "CONTENT_BLOCKED" };
    }
  }
  return { value, facts };
};
