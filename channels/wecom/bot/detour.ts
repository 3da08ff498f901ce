import type { OutboundPart, SendOutcome } from "../../../core/contract/channel.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import type { ReplyTarget } from "../../../core/contract/message.ts";
import { fromMarkdown } from "../markdown.ts";
import { type Outgoing, toBody } from "../outgoing.ts";
import { MAX_TEXT_BYTES } from "../render.ts";
import { splitText } from "../split.ts";
import { groupOf } from "./parse.ts";
import type { Detour } from "./sender.ts";

/** An application that can be sent as. */
export interface DetourApp {
  readonly agentId: string;
  send(part: OutboundPart, signal: AbortSignal): Promise<SendOutcome>;
}

// As long as the outbox tries.
const KEPT_MS = 25 * 60 * 60_000;

/**
 * By an application of the same corp, which may speak at any time: to persons, not to groups.
 * A part of a bot's answer is several messages then; how many are out is remembered, so that none
 * is sent again when a later one has to wait.
 */
export const createDetour = (
  appOf: (corpId: string) => DetourApp | undefined,
  state: ChannelState,
): Detour => {
  const appFor = ({ workspaceId, address }: ReplyTarget): DetourApp | undefined =>
    groupOf(address) === undefined ? appOf(workspaceId) : undefined;

  const send: Detour["send"] = async (part, outgoing, signal) => {
    const app = appFor(part.target);
    if (!app) return undefined;
    const pieces = piecesOf(outgoing);
    const key = `bot-detour/${part.target.replyTo}/${part.id}`;
    const first = Number((await state.get(key))?.value ?? 0);
    for (const [index, body] of pieces.entries()) {
      if (index < first) continue;
      const piece: OutboundPart = {
        id: `${part.id}.${index}`,
        target: { ...part.target, appId: app.agentId },
        body,
        attempt: index === first ? part.attempt : 1,
        // The platform would take it for the earlier one, and show it once.
        isRepeat: part.isRepeat || pieces.indexOf(body) < index,
      };
      const outcome = await app.send(piece, signal);
      if (outcome.kind !== "delivered") return outcome;
      if (pieces.length > 1) await state.put(key, String(index + 1), KEPT_MS);
    }
    return { kind: "delivered" };
  };

  return { reaches: (target) => appFor(target) !== undefined, send };
};

const piecesOf = (outgoing: Outgoing): readonly string[] => {
  if (outgoing.kind === "card" || outgoing.kind === "file") return [toBody(outgoing)];
  const shown = outgoing.kind === "text" ? outgoing : fromMarkdown(outgoing.text);
  return splitText(shown.text, MAX_TEXT_BYTES).map((text) => toBody({ kind: shown.kind, text }));
};
