import type { Answer, Refusal } from "../../core/contract/reply.ts";
import { splitText } from "./split.ts";

/**
 * Longest `content` of a text message, in bytes of UTF-8; the platform cuts what is longer.
 * @see https://developer.work.weixin.qq.com/document/path/90236
 */
export const MAX_TEXT_BYTES = 2048;

/** The reply as texts that WeCom takes. Joined they are the reply, less what XML cannot carry. */
export const render = (reply: Answer | Refusal): readonly string[] =>
  splitText(reply.markdown.replace(NOT_XML, ""), MAX_TEXT_BYTES);

// Control characters but tab, line feed, carriage return and those from U+007F on, which XML 1.0
// allows; lone surrogates; the two noncharacters. https://www.w3.org/TR/xml/#charsets
const NOT_XML = /[^\P{Cc}\t\n\r\u007f-\u009f]|[\p{Cs}\ufffe\uffff]/gu;
