import { z } from "zod";
import { ModelError } from "../contract/errors.ts";
import type { ModelTurn, ToolCall } from "../contract/model.ts";
import { countedOr, tokenCount } from "./token-counts.ts";

const toolCall = z.object({
  // Some servers leave the id out; it is only needed to match our own answer to the call.
  id: z.string().nullish(),
  function: z.object({
    name: z.string().min(1).max(256),
    // The specification says text; some servers send the object itself.
    arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  }),
});

/** What the server counted, if it did. */
export const usageSchema = z
  .object({ prompt_tokens: tokenCount, completion_tokens: tokenCount })
  .nullish()
  .catch(undefined);

/**
 * What is read of a chat completion. Servers that only resemble OpenAI's leave out or null most of it.
 * @see https://platform.openai.com/docs/api-reference/chat/object
 */
export const completionSchema = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({
          content: z.string().nullish(),
          refusal: z.string().nullish(),
          tool_calls: z.array(toolCall).nullish(),
        }),
      }),
    )
    .min(1),
  usage: usageSchema,
});

export type Completion = z.infer<typeof completionSchema>;

/** The turn in a completion. Throws ModelError when there is neither an answer nor a whole call. */
export const parseCompletion = ({ choices, usage }: Completion, sent: string): ModelTurn => {
  const choice = choices[0];
  if (choice === undefined) throw unusable("an answer without choices");
  const { message, finish_reason: reason } = choice;
  if (reason === "content_filter") {
    throw new ModelError("MODEL_REFUSED", "the provider's content filter stopped it");
  }
  const isCut = reason === "length";
  const toolCalls = (message.tool_calls ?? []).map(toToolCall);
  if (isCut && toolCalls.length > 0) throw unusable("a call that was cut at the output limit");
  const said = message.content || message.refusal || "";
  if (said === "" && toolCalls.length === 0) {
    throw unusable(isCut ? "the output limit came before any answer" : "an empty answer");
  }
  const text = isCut ? `${said}…` : said;
  return {
    text,
    toolCalls,
    usage: {
      inputTokens: countedOr(usage?.prompt_tokens, sent),
      outputTokens: countedOr(usage?.completion_tokens, JSON.stringify(message)),
    },
  };
};

const toToolCall = (call: z.infer<typeof toolCall>, index: number): ToolCall => {
  const { name, arguments: given } = call.function;
  return {
    id: call.id || `call-${index + 1}`,
    name,
    argumentsJson: typeof given === "string" ? given || "{}" : JSON.stringify(given ?? {}),
  };
};

const unusable = (what: string): ModelError => new ModelError("MODEL_UNAVAILABLE", what);
