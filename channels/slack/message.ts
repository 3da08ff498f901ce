import { unescapeText } from "./escape.ts";
import { partMetadata } from "./metadata.ts";
import type { Outgoing } from "./outgoing.ts";

/** What a message says: the arguments that posting and editing have in common. */
export interface Said {
  readonly text: string;
  readonly blocks?: readonly object[];
}

/** What a part says. `withBlocks` false = in words alone, where Slack refused the blocks. */
export const saidBy = (outgoing: Exclude<Outgoing, { kind: "file" }>, withBlocks = true): Said => {
  const { kind } = outgoing;
  const text = visible(outgoing.text);
  if (!withBlocks) return { text };
  if (kind === "card") return { text, blocks: outgoing.blocks };
  return kind === "verbatim" && LOOKS_MARKED.test(text)
    ? { text, blocks: literally(text) }
    : { text };
};

// Names of emoji turn into them even where there is no markup, and an edit cannot say that there is none.
const LOOKS_MARKED = /[*_~`]|^(?:&gt;|>)|:[a-z0-9_'+-]+:/m;

/** @see https://docs.slack.dev/reference/block-kit/blocks/rich-text-block */
const literally = (text: string): readonly object[] => [
  {
    type: "rich_text",
    elements: [
      {
        type: "rich_text_section",
        elements: [{ type: "text", text: withoutCalls(unescapeText(text)) }],
      },
    ],
  },
];

/** Nobody is called by a text there; nor by whatever reads it as Slack's other form. */
const withoutCalls = (text: string): string =>
  text.replace(/<(?=!(?:channel|here|everyone|subteam)\b|@[UW][A-Z0-9])/g, "$&\u2060");

/** A text that shows nothing is refused. */
const visible = (text: string): string => (text.trim() === "" ? `\u2060${text}` : text);

/**
 * A new message. Nothing in it is looked for that could be a name, and no address is opened by
 * Slack: somebody may have placed it there to be told what it holds.
 * @see https://docs.slack.dev/reference/methods/chat.postMessage
 */
export const newMessage = (
  said: Said,
  where: { readonly channelId: string; readonly threadTs?: string | undefined },
  partId: string,
  isVerbatim: boolean,
) => ({
  channel: where.channelId,
  thread_ts: where.threadTs,
  text: said.text,
  blocks: said.blocks,
  mrkdwn: isVerbatim ? false : undefined,
  parse: "none",
  unfurl_links: false,
  unfurl_media: false,
  metadata: partMetadata(partId),
});

/**
 * What a message becomes; without blocks of its own it would keep those that it had.
 * @see https://docs.slack.dev/reference/methods/chat.update
 */
export const changedMessage = (said: Said, channelId: string, ts: string, partId: string) => ({
  channel: channelId,
  ts,
  blocks: said.blocks ?? [],
  text: said.text,
  parse: "none",
  metadata: partMetadata(partId),
});
