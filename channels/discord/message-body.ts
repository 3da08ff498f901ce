import { MAX_CONTENT } from "./limits.ts";
import type { Outgoing } from "./outgoing.ts";
import type { RestFile, RestRequest } from "./rest.ts";
import { splitText } from "./split.ts";

/** @see https://discord.com/developers/docs/resources/message#message-object-message-flags */
const SUPPRESS_EMBEDS = 1 << 2;
export const EPHEMERAL = 1 << 6;

/**
 * Nobody is called by what we say, whatever stands in it.
 * @see https://discord.com/developers/docs/resources/message#allowed-mentions-object
 */
export const NO_MENTIONS = { parse: [], replied_user: false } as const;

/** A message as all routes take it that create or edit one; it replaces everything that was there. */
export const messageBody = (
  outgoing: Outgoing,
): Required<Pick<RestRequest, "body">> & Pick<RestRequest, "files"> => {
  const bare = { content: "", embeds: [], components: [], allowed_mentions: NO_MENTIONS };
  switch (outgoing.kind) {
    case "text":
      return textBody(outgoing.content);
    case "card":
      // What suppresses the embeds of links would suppress the card as well.
      return {
        body: { ...bare, embeds: [outgoing.embed], components: outgoing.components, flags: 0 },
      };
    case "file":
      return {
        body: {
          ...bare,
          flags: SUPPRESS_EMBEDS,
          attachments: [{ id: 0, filename: outgoing.name }],
        },
        files: [fileOf(outgoing)],
      };
  }
};

/** Addresses in it are not looked up: a picture of them would tell their owner what was said. */
export const textBody = (content: string): Required<Pick<RestRequest, "body">> => ({
  body: {
    content,
    embeds: [],
    components: [],
    allowed_mentions: NO_MENTIONS,
    flags: SUPPRESS_EMBEDS,
  },
});

/** A card where embeds are refused: in words, what can be clicked below them. */
export const cardInWordsBody = (outgoing: Extract<Outgoing, { readonly kind: "card" }>) => {
  const { body } = textBody(splitText(outgoing.words, MAX_CONTENT)[0] ?? "");
  return { body: { ...body, components: outgoing.components } };
};

const fileOf = ({ name, data }: Extract<Outgoing, { readonly kind: "file" }>): RestFile => ({
  name,
  data: Buffer.from(data, "base64"),
});
