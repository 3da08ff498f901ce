import { textOf, type XmlElement } from "./xml.ts";

/** The fields that decide who said what to whom: two of one would let readers disagree. */
const DECISIVE = [
  "ToUserName",
  "FromUserName",
  "MsgType",
  "MsgId",
  "CreateTime",
  "Event",
  "AgentID",
  "Encrypt",
  "Content",
] as const;

export type Field = (typeof DECISIVE)[number];

/** The decisive fields that are there. Throws XmlError when one is there twice or holds elements. */
export const readFields = (element: XmlElement): Partial<Record<Field, string>> => {
  const fields: Partial<Record<Field, string>> = {};
  for (const name of DECISIVE) {
    const text = textOf(element, name);
    if (text !== undefined) fields[name] = text;
  }
  return fields;
};
