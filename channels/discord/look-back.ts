import type { Outgoing } from "./outgoing.ts";
import {
  isAfter,
  isPayload,
  numberIn,
  objectIn,
  objectsIn,
  type Payload,
  textIn,
} from "./payload.ts";
import type { Rest, RestOutcome } from "./rest.ts";

/** Looks through what was said in a room lately for something that we may have said. */
export interface LookBack {
  /** The first message of ours after `after` that fits. */
  find(
    channelId: string,
    after: string,
    fits: (message: Payload) => boolean,
    signal: AbortSignal,
  ): Promise<FoundMessage>;
}

export type FoundMessage =
  | { readonly kind: "found"; readonly message: Payload; readonly id: string }
  /** It is not there, or we may not look. */
  | { readonly kind: "none" }
  /** For now we cannot look. */
  | { readonly kind: "away"; readonly outcome: RestOutcome };

const PAGE = 100;
// A busy room may have said that much since.
const PAGES = 5;

export const createLookBack = (rest: Rest): LookBack => {
  let ourId: string | undefined;

  const learnOurId = async (signal: AbortSignal): Promise<RestOutcome | undefined> => {
    if (ourId !== undefined) return undefined;
    const outcome = await rest.request("GET", "/users/@me", { signal });
    if (outcome.kind !== "ok") return outcome;
    ourId = isPayload(outcome.body) ? textIn(outcome.body, "id") : undefined;
    return undefined;
  };

  const search = async (
    channelId: string,
    after: string,
    fits: (message: Payload) => boolean,
    signal: AbortSignal,
    pages: number,
  ): Promise<FoundMessage> => {
    const query = { after, limit: String(PAGE) };
    const outcome = await rest.request("GET", `/channels/${channelId}/messages`, { query, signal });
    if (outcome.kind !== "ok") return unlessRefused(outcome);
    const messages = (Array.isArray(outcome.body) ? outcome.body : [])
      .filter(isPayload)
      .filter((message) => isAfter(idOf(message), after))
      .sort((one, other) => (isAfter(idOf(one), idOf(other)) ? 1 : -1));
    const message = messages.find(
      (candidate) => textIn(objectIn(candidate, "author"), "id") === ourId && fits(candidate),
    );
    if (message) return { kind: "found", message, id: idOf(message) };
    const last = messages.at(-1);
    return messages.length < PAGE || !last || pages <= 1
      ? { kind: "none" }
      : search(channelId, idOf(last), fits, signal, pages - 1);
  };

  return {
    find: async (channelId, after, fits, signal) => {
      const failed = await learnOurId(signal);
      return failed ? unlessRefused(failed) : search(channelId, after, fits, signal, PAGES);
    },
  };
};

const unlessRefused = (outcome: RestOutcome): FoundMessage =>
  // Without a good token nothing can ever be looked up.
  outcome.kind === "failed" || outcome.kind === "unauthorized"
    ? { kind: "none" }
    : { kind: "away", outcome };

const idOf = (message: Payload): string => textIn(message, "id") ?? "0";

/** Whether a message says what we would say. Discord takes blanks off both ends. */
export const saysSame = (message: Payload, outgoing: Outgoing): boolean => {
  switch (outgoing.kind) {
    case "text":
      return textIn(message, "content")?.trim() === outgoing.content.trim();
    case "file":
      return objectsIn(message, "attachments").some(
        (file) => (numberIn(file, "size") ?? bytesOf(outgoing)) === bytesOf(outgoing),
      );
    case "card":
      return objectsIn(message, "embeds").length > 0 || objectsIn(message, "components").length > 0;
  }
};

const bytesOf = ({ data }: Extract<Outgoing, { readonly kind: "file" }>): number =>
  Buffer.byteLength(data, "base64");
