import { z } from "zod";
import { ModelError } from "../contract/errors.ts";
import type { ModelTurn } from "../contract/model.ts";
import { UnusableAnswerError } from "./failure.ts";
import { countedOr, tokenCount } from "./token-counts.ts";

/** What the server counted, if it did. */
export const usageSchema = z
  .object({
    input_tokens: tokenCount,
    output_tokens: tokenCount,
    cache_creation_input_tokens: tokenCount,
    cache_read_input_tokens: tokenCount,
  })
  .nullish()
  .catch(undefined);

const blockSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({
    type: z.literal("tool_use"),
    id: z.string().min(1),
    name: z.string().min(1).max(256),
    input: z.record(z.string(), z.unknown()),
  }),
  // Thinking is not ours to show, and citations and the like nothing that we asked for.
  z.object({ type: z.enum(["thinking", "redacted_thinking"]) }),
]);

/**
 * What is read of a message that Anthropic's API answers with.
 * @see https://docs.anthropic.com/en/api/messages
 */
export const messageSchema = z.object({
  content: z.array(blockSchema),
  stop_reason: z.string().nullable(),
  usage: usageSchema,
});

type AnthropicMessage = z.infer<typeof messageSchema>;

/**
 * The turn in a message. Throws when there is neither an answer nor a whole call.
 * @param sent the request that it answers
 */
export const parseMessage = (
  { content, stop_reason, usage }: AnthropicMessage,
  sent: string,
): ModelTurn => {
  // https://docs.anthropic.com/en/docs/build-with-claude/handling-stop-reasons
  if (stop_reason === "refusal") throw new ModelError("MODEL_REFUSED", "the model declined");
  const isCut = stop_reason === "max_tokens" || stop_reason === "model_context_window_exceeded";
  const toolCalls = content.flatMap((block) =>
    block.type === "tool_use"
      ? [{ id: block.id, name: block.name, argumentsJson: JSON.stringify(block.input) }]
      : [],
  );
  if (isCut && toolCalls.length > 0) {
    throw new UnusableAnswerError("a call that was cut at the output limit");
  }
  const said = content.map((block) => (block.type === "text" ? block.text : "")).join("");
  if (said === "" && toolCalls.length === 0) {
    throw new UnusableAnswerError(
      isCut ? "the output limit came before any answer" : "an empty answer",
    );
  }
  const { input_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage ?? {};
  const inputTokens =
    (input_tokens ?? 0) + (cache_creation_input_tokens ?? 0) + (cache_read_input_tokens ?? 0);
  return {
    text: isCut ? `${said}…` : said,
    toolCalls,
    usage: {
      inputTokens: countedOr(inputTokens, sent),
      outputTokens: countedOr(usage?.output_tokens, JSON.stringify(content)),
    },
  };
};
