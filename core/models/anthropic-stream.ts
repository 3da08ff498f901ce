import { z } from "zod";
import { messageSchema, usageSchema } from "./anthropic-message.ts";
import { UnusableAnswerError } from "./failure.ts";

const index = z.number().int().min(0).max(1023);

const startedBlock = z.looseObject({ type: z.string() });

const eventSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("message_start"), message: z.object({ usage: usageSchema }) }),
  z.object({ type: z.literal("content_block_start"), index, content_block: startedBlock }),
  z.object({
    type: z.literal("content_block_delta"),
    index,
    delta: z.object({
      type: z.string(),
      text: z.string().optional(),
      partial_json: z.string().optional(),
    }),
  }),
  z.object({
    type: z.literal("message_delta"),
    delta: z.object({ stop_reason: z.string().nullish() }),
    usage: usageSchema,
  }),
  z.object({ type: z.literal("message_stop") }),
]);

// New kinds of events may come at any time and are to be passed over.
const KNOWN: ReadonlySet<unknown> = new Set(
  eventSchema.options.map(({ shape }) => shape.type.value as string),
);

interface Block {
  readonly started: Readonly<Record<string, unknown>>;
  text: string;
  json: string;
}

/**
 * Puts the events of a streamed message together; `onText` gets the whole text so far each time it
 * grew. Throws when an event is none, tells of an error, or the stream ends before it said so.
 * @see https://docs.anthropic.com/en/docs/build-with-claude/streaming
 */
export const collectMessage = async (
  events: AsyncIterable<unknown>,
  onText: (text: string) => void,
): Promise<z.infer<typeof messageSchema>> => {
  const blocks: (Block | undefined)[] = [];
  let usage: object = {};
  let stopReason: string | null = null;
  let isWhole = false;
  for await (const raw of events) {
    const { type } = z.looseObject({ type: z.string() }).parse(raw);
    // The stream began with HTTP 200, so a failure in its middle comes as an event.
    if (type === "error") throw new UnusableAnswerError("an error in the stream");
    if (!KNOWN.has(type)) continue;
    const event = eventSchema.parse(raw);
    if (event.type === "message_start") {
      // Of the output only the beginning is counted by then.
      usage = { ...event.message.usage, output_tokens: undefined };
    } else if (event.type === "content_block_start") {
      const { text } = event.content_block;
      const begun = typeof text === "string" ? text : "";
      blocks[event.index] = { started: event.content_block, text: begun, json: "" };
    } else if (event.type === "content_block_delta") {
      const block = blocks[event.index];
      if (!block) throw new UnusableAnswerError("a part of a block that never began");
      block.text += event.delta.text ?? "";
      block.json += event.delta.partial_json ?? "";
      if (event.delta.text) onText(blocks.map((each) => each?.text ?? "").join(""));
    } else if (event.type === "message_delta") {
      stopReason = event.delta.stop_reason ?? stopReason;
      // Each count is that of the whole message so far, and null where it is as it was.
      const counts = Object.entries(event.usage ?? {}).filter(([, count]) => count != null);
      usage = { ...usage, ...Object.fromEntries(counts) };
    } else isWhole = true;
  }
  // A cut connection looks like an end; half an answer must not pass for a whole one.
  if (!isWhole) throw new UnusableAnswerError("a stream that ended in the middle");
  const content = blocks.flatMap((block) => (block ? [finished(block)] : []));
  return messageSchema.parse({ content, stop_reason: stopReason, usage });
};

const finished = ({ started, text, json }: Block): unknown => {
  if (started.type === "text") return { type: "text", text };
  // A call without arguments streams none.
  if (started.type === "tool_use" && json !== "") return { ...started, input: JSON.parse(json) };
  return started;
};
