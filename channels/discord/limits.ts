/**
 * Longest `content`. Discord counts characters; UTF-16 units are never fewer.
 * @see https://discord.com/developers/docs/resources/message#create-message
 */
export const MAX_CONTENT = 2000;
