import type { CardClick } from "../../core/contract/card.ts";
import type { ChannelState } from "../../core/contract/channel-state.ts";
import { personKey } from "../../core/contract/state-key.ts";
import { type CustomId, isAlias, readCustomId } from "./custom-id.ts";
import type { Interaction } from "./interaction.ts";
import { idIn } from "./payload.ts";

/**
 * What was clicked on cards. Discord tells every choice by itself, so those that a button hands in
 * later are remembered, by message and person.
 */
export interface Choices {
  /** What a click says; undefined for what is no card of ours, and for a choice that waits for a button. */
  clickOf(
    interaction: Interaction,
    customId: string,
    chosen: (interaction: Interaction) => readonly string[],
  ): Promise<CardClick | undefined>;
}

const REMEMBERED_MS = 7 * 24 * 60 * 60_000;
// A card can be answered for so long after it was shown.
const ALIASES_MS = 90 * 24 * 60 * 60_000;

export const createChoices = (state: ChannelState): Choices => {
  const resolve = async (customId: string): Promise<CustomId | undefined> => {
    if (!isAlias(customId)) return readCustomId(customId);
    const found = await state.get(`alias/${customId}`);
    return found && readCustomId(found.value);
  };

  const waiting = async (prefix: string): Promise<CardClick["choices"]> => {
    const keys = await state.keys(prefix);
    const entries = await Promise.all(
      keys.map(async (key): Promise<[string, readonly string[]][]> => {
        const found = await state.get(key);
        return found ? [[key.slice(prefix.length), JSON.parse(found.value)]] : [];
      }),
    );
    return Object.fromEntries(entries.flat());
  };

  return {
    clickOf: async (interaction, customId, chosen) => {
      const clicked = await resolve(customId);
      if (!clicked) return undefined;
      const { kind, cardId, id } = clicked;
      const { payload, messageId = "", userId } = interaction;
      const guildId = idIn(payload, "guild_id") ?? "";
      const prefix = `${personKey(guildId, userId, "choice", messageId, cardId)}/`;
      if (kind === "choice") {
        await state.put(`${prefix}${id}`, JSON.stringify(chosen(interaction)), REMEMBERED_MS);
        return undefined;
      }
      const choices = kind === "pick" ? { [id]: chosen(interaction) } : await waiting(prefix);
      return { cardId, buttonId: id, choices };
    },
  };
};

/** Remembers what short ids stand for, before a card bears them. */
export const rememberAliases = async (
  state: ChannelState,
  aliases: Readonly<Record<string, string>>,
): Promise<void> => {
  for (const [alias, full] of Object.entries(aliases)) {
    await state.put(`alias/${alias}`, full, ALIASES_MS);
  }
};
