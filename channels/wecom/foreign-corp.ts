import { SignatureError } from "../../core/contract/errors.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import { CHANNEL } from "./types.ts";

/** Throws SignatureError when somebody was sent by a corp that cannot vouch for them. */
export type CorpCheck = (message: Pick<InboundMessage, "workspaceId" | "target">) => void;

/**
 * A corp that has an application or bot here speaks through its own: whoever knows another corp's
 * keys could pretend to be anybody of it. People of a corp that has none are let in by whose
 * tenant binds it.
 * @param hosts all applications and bots
 */
export const createCorpCheck = (hosts: readonly { readonly corp_id: string }[]): CorpCheck => {
  const corps = new Set(hosts.map(({ corp_id }) => corp_id));
  return ({ workspaceId, target }) => {
    if (workspaceId !== target.workspaceId && corps.has(workspaceId)) {
      throw new SignatureError(CHANNEL, "FOREIGN_CORP");
    }
  };
};
