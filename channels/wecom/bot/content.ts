import type { Attachment, Content } from "../../../core/contract/message.ts";
import { safeName } from "../content.ts";
import { isObject, JsonError, type JsonObject, listIn, objectIn, textIn } from "./json.ts";
import { toMediaRef } from "./media-ref.ts";

/** What is said in one message or in one part of it. */
interface Said {
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

/**
 * What a bot's message of this kind says, in our words; kinds that are not known are `unsupported`.
 * What it quotes is kept apart, but files that it quotes come along: in groups this is the only way
 * to hand one over.
 * @see https://developer.work.weixin.qq.com/document/path/100719
 */
export const parseBotContent = (type: string, body: JsonObject): Content => {
  const said = saidIn(type, body);
  if (!said) return { kind: "unsupported", type };
  const quote = quoteIn(body);
  const attachments = [...said.attachments, ...(quote?.attachments ?? [])];
  return {
    kind: "text",
    text: said.text,
    ...(quote?.text && { quote: quote.text }),
    ...(attachments.length > 0 && { attachments }),
  };
};

/**
 * The text without the mention of the bot at its start. Where nobody said how the bot is called, it
 * is the only mention: a group's message reaches a bot only when it is mentioned.
 */
export const withoutMention = (text: string, name: string | undefined): string => {
  const [mention] = name === undefined ? (/^\s*@\S+/.exec(text) ?? []) : named(text, name);
  if (mention === undefined) return text;
  const rest = text.slice(mention.length);
  if (name === undefined && rest.includes("@")) return text;
  return rest.trimStart();
};

const named = (text: string, name: string): readonly string[] => {
  const start = text.length - text.trimStart().length;
  const end = start + name.length + 1;
  const isNamed = text.slice(start, end).toLowerCase() === `@${name.toLowerCase()}`;
  // `@Helper` is not `@Help`.
  return isNamed && /^(?:\s|$)/.test(text.slice(end)) ? [text.slice(0, end)] : [];
};

const saidIn = (type: string, body: JsonObject): Said | undefined => {
  switch (type) {
    case "text":
    // What was spoken arrives as its transcript.
    case "voice": {
      const text = textIn(objectIn(body, type), "content");
      if (text === undefined) throw new JsonError(`no ${type}.content`);
      return { text, attachments: [] };
    }
    case "image":
    case "video":
    case "file":
      return { text: "", attachments: [attachmentIn(type, objectIn(body, type))] };
    case "mixed":
      return joined(partsIn(objectIn(body, "mixed")));
    default:
      return undefined;
  }
};

const partsIn = (mixed: JsonObject | undefined): readonly Said[] =>
  listIn(mixed, "msg_item").flatMap((item) => {
    const type = isObject(item) ? textIn(item, "msgtype") : undefined;
    // Nothing is mixed with a mixture: one level is all there is.
    if (!isObject(item) || type === undefined || type === "mixed") return [];
    return partIn(type, item) ?? [];
  });

/** What stands beside a question: where it cannot be read, the question still can, and its kind is named. */
const partIn = (type: string, part: JsonObject): Said | undefined => {
  try {
    return saidIn(type, part);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return { text: `[${type}]`, attachments: [] };
  }
};

const joined = (parts: readonly Said[]): Said => ({
  text: parts
    .map(({ text }) => text)
    .filter((text) => text !== "")
    .join("\n"),
  attachments: parts.flatMap(({ attachments }) => attachments),
});

/** Somebody else's words; files in it are named where they stand. */
const quoteIn = (body: JsonObject): Said | undefined => {
  const quote = objectIn(body, "quote");
  const type = textIn(quote, "msgtype");
  if (!quote || type === undefined) return undefined;
  const said = partIn(type, quote);
  if (!said) return undefined;
  const names = said.attachments.map(({ name }) => `[${name}]`);
  const text = [said.text, ...names].filter((line) => line !== "").join("\n");
  return { text, attachments: said.attachments };
};

const NAMES = { image: "image", video: "video.mp4", file: "file" } as const;

const attachmentIn = (kind: keyof typeof NAMES, media: JsonObject | undefined): Attachment => {
  const url = textIn(media, "url");
  if (!url || url.length > 4096) throw new JsonError(`no ${kind}.url`);
  const name = safeName(textIn(media, "name") ?? textIn(media, "filename") ?? "");
  return { kind, name: name || NAMES[kind], ref: toMediaRef(url, textIn(media, "aeskey")) };
};
