import type { Reply } from "../contract/reply.ts";
import type { Counters } from "../delivery/counters.ts";
import type { RateLimiter, RateVerdict } from "../rate-limits/rate-limiter.ts";
import { refuse } from "../refuse.ts";
import type { Stage } from "../stage.ts";
import { whenThere } from "../when-there.ts";

/** Holds people to their tenant's rate limits; told once a minute, and otherwise met with silence. */
export const rateLimit =
  (limiter: RateLimiter, counters: Counters): Stage =>
  (context, next) => {
    // What a reviewer let through was counted when it was written.
    if (context.released !== undefined) return next(context);
    const { channel, workspaceId, sender } = context.message;
    const { tenant, locale } = context;
    const judged = (verdict: RateVerdict): Reply | Promise<Reply> => {
      if (verdict.kind === "within") return next(context);
      counters.rateLimited++;
      if (!verdict.isFirst) return { kind: "silence", reason: "RATE_LIMITED" };
      return refuse("RATE_LIMITED", locale, `${Math.ceil(verdict.retryAfterMs / 1000)}`);
    };
    const verdict = limiter.take({
      tenantId: tenant.id,
      sender: JSON.stringify([channel, workspaceId, sender.id]),
      limits: tenant.rateLimits,
    });
    return whenThere(verdict, judged);
  };
