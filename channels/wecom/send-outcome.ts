import type { OutboundPart, SendOutcome } from "../../core/contract/channel.ts";
import type { Log } from "../../core/contract/log.ts";
import { describe } from "./access-token.ts";
import { kindOfError } from "./errcodes.ts";
import type { Called } from "./send-calls.ts";
import { CHANNEL, type WecomApp } from "./types.ts";

export interface SendOutcomeOptions {
  readonly app: WecomApp;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
}

const LIMIT_PAUSE_MS = 60_000;
const CONFIGURATION_PAUSE_MS = 60_000;
const BUSY_MS = [1_000, 5_000, 15_000, 60_000] as const;

/** Says what became of a part, given the call that decided it; what we have to change, it logs. */
export const createSendOutcome = ({
  app,
  log,
  random,
}: SendOutcomeOptions): ((called: Called, part: OutboundPart) => SendOutcome) => {
  // Spread out: what was refused for coming all at once must not come back all at once.
  const busyMs = (attempt: number): number => {
    const waitMs = BUSY_MS[Math.min(attempt, BUSY_MS.length) - 1] ?? BUSY_MS[0];
    return Math.round(waitMs * (0.5 + random()));
  };

  return ({ api, result }, part) => {
    const reason = `${api}: ${describe(result)}`;
    const alarm = (alert: string): void =>
      log.error(
        {
          channel: CHANNEL,
          corpId: app.corp_id,
          agentId: app.agent_id,
          partId: part.id,
          reason,
          alert,
        },
        "WeCom refuses to send; the errcode says what an operator or we have to change",
      );
    if (result.kind === "unreachable") return retry(BUSY_MS[1], reason);
    if (result.kind === "lost") return { kind: "unknown", reason };
    if (result.kind === "paused") return retry(result.afterMs, reason);
    if (result.kind === "rejected") {
      alarm("wecom_api_not_found");
      return retry(CONFIGURATION_PAUSE_MS, reason);
    }
    if (result.errcode === 0) return deliveryOf(api, result.body);
    switch (kindOfError(result.errcode)) {
      case "busy":
        return retry(busyMs(part.attempt), reason);
      case "limit":
        log.warn(
          { channel: CHANNEL, corpId: app.corp_id, agentId: app.agent_id, reason },
          "WeCom limits us",
        );
        return retry(LIMIT_PAUSE_MS, reason);
      case "token":
        // A fresh token was refused as well: the secret belongs to another application.
        alarm("wecom_token_refused");
        return retry(CONFIGURATION_PAUSE_MS, reason);
      case "receiver":
        return { kind: "refused", reason };
      case "configuration":
        alarm("wecom_configuration");
        return { kind: "refused", reason };
      case "bug":
        alarm("wecom_request_refused");
        return { kind: "refused", reason };
    }
  };
};

/** Not sent, and to be tried again after a while. */
export const retry = (afterMs: number, reason: string): SendOutcome => ({
  kind: "retry",
  afterMs,
  reason,
});

/**
 * With errcode 0 the one receiver may still be among those who got nothing: `a|b` where a message was
 * sent, a list of names where a card was changed.
 */
const deliveryOf = (api: string, body: Readonly<Record<string, unknown>>): SendOutcome => {
  for (const list of ["invaliduser", "unlicenseduser"]) {
    const names = body[list];
    if ((typeof names === "string" || Array.isArray(names)) && names.length > 0) {
      return { kind: "refused", reason: `${api}: receiver is in ${list}` };
    }
  }
  return { kind: "delivered" };
};
