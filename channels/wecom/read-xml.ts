import { parseXml, type XmlElement } from "./xml.ts";

/**
 * Reads a document as parseXml does, with the same result or the same XmlError. The one shape that
 * the platform writes day in, day out is read here, in a tenth of the time; whatever is not that,
 * however legal, is for parseXml to judge.
 */
export const readXml = (text: string): XmlElement => readPlainXml(text) ?? parseXml(text);

const ROOT = "<xml>";
const ROOT_END = "</xml>";
const CDATA = "<![CDATA[";
const CDATA_END = "]]>";
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
/** Names that parseXml refuses. */
const INHERITED: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));
/** More than any message of the platform has. */
const MAX_PLAIN_ELEMENTS = 64;

/** `<xml>` with elements of different names in it, each holding one CDATA section or plain text. */
const readPlainXml = (text: string): XmlElement | undefined => {
  if (!text.startsWith(ROOT)) return undefined;
  const element = new Map<string, readonly string[]>();
  let at = ROOT.length;
  while (element.size < MAX_PLAIN_ELEMENTS) {
    at = afterSpace(text, at);
    if (text.startsWith(ROOT_END, at)) {
      return afterSpace(text, at + ROOT_END.length) === text.length ? element : undefined;
    }
    const tagEnd = text.indexOf(">", at);
    if (text[at] !== "<" || tagEnd < 0) return undefined;
    const name = text.slice(at + 1, tagEnd);
    if (!NAME.test(name) || INHERITED.has(name) || element.has(name)) return undefined;
    const isCdata = text.startsWith(CDATA, tagEnd + 1);
    const start = tagEnd + 1 + (isCdata ? CDATA.length : 0);
    const end = text.indexOf(isCdata ? CDATA_END : "<", start);
    if (end < 0) return undefined;
    const value = text.slice(start, end);
    if (!isCdata && value.includes("&")) return undefined;
    const endTag = `</${name}>`;
    const afterText = isCdata ? end + CDATA_END.length : end;
    if (!text.startsWith(endTag, afterText)) return undefined;
    element.set(name, [value]);
    at = afterText + endTag.length;
  }
  return undefined;
};

/** Where the white space that begins here is over. */
const afterSpace = (text: string, start: number): number => {
  let at = start;
  while (" \t\r\n".includes(text.charAt(at)) && at < text.length) at++;
  return at;
};
