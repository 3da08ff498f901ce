import { randomUUID } from "node:crypto";
import type { AuditRecord } from "../audit-log.ts";
import type { InboundMessage } from "../contract/message.ts";
import type { TenantScope } from "../store/scope.ts";

/** Who reads and decides; whether they may was judged before. */
export type Reviewer =
  | { readonly kind: "person"; readonly message: InboundMessage; readonly traceId: string }
  /** As it goes on record: `cli`, or the id of an API key. */
  | { readonly kind: "operator"; readonly who: string };

/** What somebody did about what is held, as it goes on record. */
export const reviewRecord = (
  reviewer: Reviewer,
  scope: TenantScope,
  at: Date,
  about: Pick<AuditRecord, "action" | "subject" | "detail"> & { readonly refused?: string },
): AuditRecord => {
  const { refused, ...rest } = about;
  return {
    at,
    scope,
    durationMs: 0,
    ...rest,
    ...(refused === undefined
      ? ({ decision: "allowed", code: "OK" } as const)
      : ({ decision: "refused", code: refused } as const)),
    ...(reviewer.kind === "person"
      ? { message: reviewer.message, traceId: reviewer.traceId }
      : { actor: reviewer.who, traceId: randomUUID() }),
  };
};
