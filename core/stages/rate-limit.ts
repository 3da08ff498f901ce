import type { Counters } from "../delivery/counters.ts";
import type { RateLimiter } from "../rate-limits/rate-limiter.ts";
import { refuse } from "../refuse.ts";
import type { Stage } from "../stage.ts";

/** Holds people to their tenant's rate limits; told once a minute, and otherwise met with silence. */
export const rateLimit =
  (limiter: RateLimiter, counters: Counters): Stage =>
  async (context, next) => {
    // What a reviewer let through was counted when it was written.
    if (context.released !== undefined) return await next(context);
    const { channel, workspaceId, sender } = context.message;
    const { tenant, locale } = context;
    const verdict = await limiter.take({
      tenantId: tenant.id,
      sender: JSON.stringify([channel, workspaceId, sender.id]),
      limits: tenant.rateLimits,
    });
    if (verdict.kind === "within") return await next(context);
    counters.rateLimited++;
    if (!verdict.isFirst) return { kind: "silence", reason: "RATE_LIMITED" };
    return refuse("RATE_LIMITED", locale, `${Math.ceil(verdict.retryAfterMs / 1000)}`);
  };
