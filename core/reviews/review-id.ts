import { randomInt } from "node:crypto";

// Letters alone, so that no rule for numbers finds one; without vowels, so that they spell no word.
const LETTERS = "bcdfghjkmnpqrstvwxz";
const LENGTH = 8;
const FORM = new RegExp(`^[${LETTERS}]{${LENGTH}}$`);
const CARD = /^review-([a-z]+)-[a-z]+$/;

/** A new id of a review: short enough to be typed, and not to be guessed. Unique within a tenant. */
export const newReviewId = (): string => letters();

const letters = (): string =>
  Array.from({ length: LENGTH }, () => LETTERS.charAt(randomInt(LETTERS.length))).join("");

/** Whether a text can be the id of a review. */
export const isReviewId = (text: string): boolean => FORM.test(text);

/** A new card on which a review is decided: platforms take the id of a card once. */
export const newCardId = (reviewId: string): string => `review-${reviewId}-${letters()}`;

/** The review that a card is about; undefined for any other card. */
export const reviewOfCard = (cardId: string): string | undefined => {
  const id = CARD.exec(cardId)?.[1] ?? "";
  return isReviewId(id) ? id : undefined;
};
