import type { Attachment, Content } from "../../core/contract/message.ts";
import { textOf, type XmlElement, XmlError } from "./xml.ts";

/**
 * What a message of this kind says, in our words: text, or what is handed over. Kinds that are not
 * known are `unsupported`, never an error.
 * @see https://developer.work.weixin.qq.com/document/path/90239
 */
export const parseContent = (type: string, element: XmlElement): Content => {
  const field = (name: string): string => textOf(element, name) ?? "";
  switch (type) {
    case "text": {
      const text = textOf(element, "Content");
      if (text === undefined) throw new XmlError("no Content");
      return { kind: "text", text };
    }
    case "image":
      return attached("", { kind: "image", name: "image", ref: mediaId(element) });
    case "voice":
      // Some corps have speech recognition switched on; then the transcript comes along.
      return attached(field("Recognition"), {
        kind: "voice",
        name: `voice.${safeName(field("Format")) || "amr"}`,
        ref: mediaId(element),
      });
    case "video":
      return attached("", { kind: "video", name: "video.mp4", ref: mediaId(element) });
    case "file":
      return attached("", {
        kind: "file",
        name: safeName(field("FileName")) || "file",
        ref: mediaId(element),
      });
    case "location":
      return { kind: "text", text: locationIn(field) };
    case "link":
      return { kind: "text", text: "", quote: linkIn(field) };
    default:
      return { kind: "unsupported", type };
  }
};

const attached = (text: string, attachment: Attachment): Content => ({
  kind: "text",
  text,
  attachments: [attachment],
});

const mediaId = (element: XmlElement): string => {
  const id = textOf(element, "MediaId") ?? "";
  if (!/^[\x21-\x7e]{1,512}$/.test(id)) throw new XmlError("MediaId is none");
  return id;
};

/** The last part of what may be a path, without control characters, not too long. */
export const safeName = (name: string): string =>
  [...(name.split(/[/\\]/).at(-1) ?? "").replace(/\p{C}/gu, "")].slice(0, 128).join("");

const locationIn = (field: (name: string) => string): string => {
  const at = [field("Location_X"), field("Location_Y")];
  // As many digits as a number of 64 bits is written with; one of the two alone leads nowhere.
  const isPlace = at.every((part) => /^-?\d{1,3}(\.\d{1,20})?$/.test(part));
  const parts = [field("Label").trim(), isPlace ? at.join(", ") : ""];
  return `[location: ${parts.filter(Boolean).join("; ")}]`;
};

/** Somebody else's words: kept apart from what the person says. */
const linkIn = (field: (name: string) => string): string =>
  ["Title", "Description", "Url"]
    .map((name) => field(name).trim())
    .filter(Boolean)
    .join("\n");
