import type { InboundEvent } from "../contract/message.ts";
import type { Reply } from "../contract/reply.ts";
import type { Stage } from "../stage.ts";
import { tenantScope } from "../store/scope.ts";
import { whenThere } from "../when-there.ts";

// A fact lists kinds or ids; a text with more of them than this is on record as one with many.
const MAX_FACT_UNITS = 500;

/** Puts every message on record, whatever was decided about it. */
export const audit =
  (now: () => Date): Stage =>
  (context, next) => {
    const startedAt = now();
    const { content } = context.message;
    const facts: Record<string, string | number> = {};
    const note = (name: string, value: string | number): void => {
      facts[name] = typeof value === "string" ? value.slice(0, MAX_FACT_UNITS) : value;
    };
    return whenThere(next({ ...context, note }), (reply) => {
      const { decision, code } = outcomeOf(reply);
      context.record({
        at: startedAt,
        traceId: context.traceId,
        scope: tenantScope(context.tenant.id),
        message: context.message,
        action: "message",
        subject: context.message.content.kind,
        durationMs: now().getTime() - startedAt.getTime(),
        decision,
        code,
        detail: content.kind === "event" ? { ...factsOf(content.event), ...facts } : facts,
      });
      return reply;
    });
  };

/** What happened, and of feedback which answer it judges and how; what people wrote is left out. */
const factsOf = ({ name, platformName, fields }: InboundEvent): Record<string, string> => ({
  event: platformName,
  ...(name === "feedback_given" && {
    about: (fields.id ?? "").slice(0, 256),
    verdict: (fields.type ?? "").slice(0, 16),
  }),
});

/** The decision and reason code that a reply stands for. */
export const outcomeOf = (
  reply: Reply,
): { readonly decision: "answered" | "refused" | "silent"; readonly code: string } => {
  if (reply.kind === "text") return { decision: "answered", code: "OK" };
  if (reply.kind === "refusal") return { decision: "refused", code: reply.code };
  return { decision: "silent", code: reply.reason };
};
