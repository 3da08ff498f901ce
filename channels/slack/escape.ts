/**
 * Characters of a text, as they must be written so that they are only that.
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export const escapeText = (characters: string): string =>
  /[&<>]/.test(characters)
    ? characters.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    : characters;

/** What `escapeText` was given. */
export const unescapeText = (text: string): string =>
  text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
