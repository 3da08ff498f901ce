import { z } from "zod";
import { ModelError } from "../contract/errors.ts";
import type { ModelTurn, ToolCall } from "../contract/model.ts";

const toolCall = z.object({
  // Some servers leave the id out; it is only needed to match our own answer to the call.
  id: z.string().nullish(),
  function: z.object({
    name: z.string().min(1).max(256),
    // The specification says text; some servers send the object itself.
    arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  }),
});

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
  usage: z
    .object({
      prompt_tokens: z.number().int().nonnegative(),
      completion_tokens: z.number().int().nonnegative(),
    })
    .nullish(),
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
    // Neither is ever nought: servers that do not count say that.
    usage: {
      inputTokens: usage?.prompt_tokens || mostTokens(sent),
      outputTokens: usage?.completion_tokens || mostTokens(JSON.stringify(message)),
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

/** Budgets are held to it: some vendors' tokenizers make a token of each digit, none more than of each byte. */
const mostTokens = (text: string): number => Buffer.byteLength(text, "utf8");

const unusable = (what: string): ModelError => new ModelError("MODEL_UNAVAILABLE", what);
