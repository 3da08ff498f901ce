import { createHash } from "node:crypto";

/**
 * What comes back with a click: a button of a card, a choice that waits for a button, or one that
 * hands itself in because the card has none.
 */
export interface CustomId {
  readonly kind: "button" | "choice" | "pick";
  readonly cardId: string;
  /** Of the button or the select. */
  readonly id: string;
}

/** @see https://discord.com/developers/docs/components/reference#anatomy-of-a-component-custom-id */
const MAX_LENGTH = 100;
const LETTERS = { button: "b", choice: "c", pick: "p" } as const;
const KINDS = { b: "button", c: "choice", p: "pick" } as const;
const FULL = /^card:([bcp]):([0-9A-Za-z_-]{1,64}):([0-9A-Za-z_-]{1,64})$/;
const ALIAS = /^card:#[0-9A-Za-z_-]{43}$/;

/** Two long ids do not fit; then it is an alias, and what it stands for must be remembered. */
export const writeCustomId = ({ kind, cardId, id }: CustomId): { id: string; full: string } => {
  const full = `card:${LETTERS[kind]}:${cardId}:${id}`;
  if (full.length <= MAX_LENGTH) return { id: full, full };
  return { id: `card:#${createHash("sha256").update(full).digest("base64url")}`, full };
};

export const isAlias = (id: string): boolean => ALIAS.test(id);

/** Undefined for what is none of ours. */
export const readCustomId = (full: string): CustomId | undefined => {
  const [, letter, cardId, id] = FULL.exec(full) ?? [];
  if (letter === undefined || cardId === undefined || id === undefined) return undefined;
  return { kind: KINDS[letter as keyof typeof KINDS], cardId, id };
};
