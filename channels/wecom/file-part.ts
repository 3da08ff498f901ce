import type { OutgoingFile } from "../../core/contract/reply.ts";
import type { MediaType, Outgoing } from "./outgoing.ts";

const MIB = 2 ** 20;
// https://developer.work.weixin.qq.com/document/path/90253
const MAX_BYTES: Readonly<Record<MediaType, number>> = {
  image: 10 * MIB,
  voice: 2 * MIB,
  video: 10 * MIB,
  file: 20 * MIB,
};
/** The platform refuses files that are not larger. */
const MIN_BYTES = 5;

/** A file as what shows it best: pictures, voices and videos as such while they are small enough. */
export const filePart = ({ name, bytes }: OutgoingFile): Outgoing => {
  if (bytes.length <= MIN_BYTES)
    return { kind: "text", text: `📎 ${name}: ${bytes.toString("utf8")}` };
  if (bytes.length > MAX_BYTES.file) {
    return { kind: "text", text: `📎 ${name}: ${mib(bytes.length)} > ${mib(MAX_BYTES.file)} ✗` };
  }
  const special = typeOf(bytes);
  const type = bytes.length <= MAX_BYTES[special] ? special : "file";
  return { kind: "file", type, name, data: bytes.toString("base64") };
};

const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;

/** By what is in it, never by its name. */
const typeOf = (bytes: Buffer): MediaType => {
  const head = bytes.subarray(0, 12).toString("latin1");
  if (head.startsWith("\x89PNG\r\n\x1a\n") || head.startsWith("\xff\xd8\xff")) return "image";
  if (head.startsWith("#!AMR\n")) return "voice";
  return head.slice(4, 8) === "ftyp" ? "video" : "file";
};
