import type { RefusalCode } from "../core/contract/reply.ts";

/** A refusal ends with its code in brackets; other words in brackets are the answer's own. */
export const codeIn = (answer: string): { code?: RefusalCode } => {
  const code = / \[([A-Z_]+)\]$/.exec(answer)?.[1];
  return code !== undefined && isRefusalCode(code) ? { code } : {};
};

const isRefusalCode = (code: string): code is RefusalCode => Object.hasOwn(REFUSAL_CODES, code);

// Typed so that a code which is missing here does not compile.
const REFUSAL_CODES: Readonly<Record<RefusalCode, true>> = {
  TENANT_UNKNOWN: true,
  TENANT_AMBIGUOUS: true,
  DIRECTORY_UNAVAILABLE: true,
  NOT_PERMITTED: true,
  CONSENT_NEEDED: true,
  KIND_UNSUPPORTED: true,
  MODEL_UNAVAILABLE: true,
  MODEL_TIMEOUT: true,
  MODEL_REFUSED: true,
  PROMPT_TOO_LARGE: true,
  RESIDENCY_REFUSED: true,
  BUDGET_EXCEEDED: true,
  PRICE_UNKNOWN: true,
  RATE_LIMITED: true,
  STEP_LIMIT: true,
  SKILL_NOT_ALLOWED: true,
  SKILL_FAILED: true,
  SKILL_BAD_OUTPUT: true,
  SKILL_TIMEOUT: true,
  SKILL_MEMORY: true,
  SKILL_LIMIT: true,
  SKILL_BLOCKED: true,
  SANDBOX_UNAVAILABLE: true,
  DATA_BLOCKED: true,
  CONTENT_BLOCKED: true,
  CONTENT_HELD: true,
  REVIEW_REJECTED: true,
  REVIEW_EXPIRED: true,
  MODERATION_UNAVAILABLE: true,
  INTERNAL: true,
};
