import { randomInt } from "node:crypto";

// Letters alone, so that no rule for numbers finds one; without vowels, so that they spell no word.
const LETTERS = "bcdfghjkmnpqrstvwxz";
const LENGTH = 8;
const FORM = new RegExp(`^[${LETTERS}]{${LENGTH}}$`);
const CARD = "review-";

/** A new id of a review: short enough to be typed, and not to be guessed. Unique within a tenant. */
export const newReviewId = (): string =>
  Array.from({ length: LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join("");

/** Whether a text can be the id of a review. */
export const isReviewId = (text: string): boolean => FORM.test(text);

/** The card on which a review is decided. */
export const cardIdOf = (reviewId: string): string => `${CARD}${reviewId}`;

/** The review that a card is about; undefined for any other card. */
export const reviewOfCard = (cardId: string): string | undefined => {
  const id = cardId.startsWith(CARD) ? cardId.slice(CARD.length) : "";
  return isReviewId(id) ? id : undefined;
};
