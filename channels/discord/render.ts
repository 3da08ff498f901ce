import type { ReplyTarget } from "../../core/contract/message.ts";
import type { Answer, OutgoingFile, Refusal, RefusalCode } from "../../core/contract/reply.ts";
import { cardMessage } from "./components.ts";
import { MAX_CONTENT } from "./limits.ts";
import { toDiscordMarkdown } from "./markdown.ts";
import { type Message, toBodies } from "./outgoing.ts";
import { splitText } from "./split.ts";
import { readTarget } from "./target.ts";

// Five messages go out at once, and these many within one window of a channel's limit more. Beyond
// that a flood of messages pushes everybody else's words off the screen for half a minute, while
// Discord shows a text file in place, to be unfolded, searched and saved.
const MAX_PARTS = 8;

// Who may not ask here at all need not be told so in front of everybody.
const PRIVATE: ReadonlySet<RefusalCode> = new Set([
  "TENANT_UNKNOWN",
  "TENANT_AMBIGUOUS",
  "NOT_PERMITTED",
]);

/** Of a file in a server without boosts; an interaction may say that more is allowed. */
const MAX_FILE_BYTES = 10 * 2 ** 20;

/**
 * The reply as messages: its text in parts, or as one file where it is very long; then its card,
 * then its files. Somebody's own words go back as they were written, which shows them as they were
 * shown.
 */
export const render = (reply: Answer | Refusal, target?: ReplyTarget): readonly string[] => {
  if (reply.kind === "refusal") {
    return toBodies(
      splitText(toDiscordMarkdown(reply.markdown), MAX_CONTENT).map(
        (content): Message => ({
          kind: "text",
          content,
          ...(PRIVATE.has(reply.code) && { isPrivate: true }),
        }),
      ),
    );
  }
  const maxBytes = (target && readTarget(target).attachmentSizeLimit) ?? MAX_FILE_BYTES;
  const isClick = target !== undefined && readTarget(target).cardMessageId !== undefined;
  const more = [
    ...cardMessages(reply, isClick),
    ...(reply.files ?? []).map((file) => fileMessage(file, maxBytes)),
  ];
  const isSilent = reply.markdown === "" && more.length > 0;
  return toBodies(isSilent ? more : [...saidMessages(reply), ...more]);
};

const saidMessages = ({ markdown, isVerbatim }: Answer): readonly Message[] => {
  const parts = splitText(isVerbatim ? markdown : toDiscordMarkdown(markdown), MAX_CONTENT);
  if (parts.length <= MAX_PARTS) return parts.map(textMessage);
  return [
    {
      kind: "file",
      name: isVerbatim ? "answer.txt" : "answer.md",
      data: Buffer.from(markdown).toString("base64"),
    },
  ];
};

const textMessage = (content: string): Message => ({ kind: "text", content });

/** A card that takes the place of one that was clicked does not say again what was said before that. */
const cardMessages = ({ card }: Answer, isClick: boolean): readonly Message[] => {
  if (!card) return [];
  const { overflow, message } = cardMessage(card);
  const before =
    overflow === undefined || isClick ? [] : splitText(overflow, MAX_CONTENT).map(textMessage);
  return [...before, message];
};

const fileMessage = ({ name, bytes }: OutgoingFile, maxBytes: number): Message =>
  bytes.length <= maxBytes
    ? { kind: "file", name, data: bytes.toString("base64") }
    : textMessage(
        toDiscordMarkdown(`📎 ${name}: ${mib(bytes.length)} > ${mib(maxBytes)} ✗`).slice(
          0,
          MAX_CONTENT,
        ),
      );

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
