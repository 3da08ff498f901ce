import { z } from "zod";
import { UnusableAnswerError } from "./failure.ts";
import { type Completion, usageSchema } from "./openai-completion.ts";

const chunkSchema = z.object({
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        delta: z
          .object({
            content: z.string().nullish(),
            refusal: z.string().nullish(),
            tool_calls: z
              .array(
                z.object({
                  index: z.number().int().min(0).max(255),
                  id: z.string().nullish(),
                  function: z
                    .object({ name: z.string().nullish(), arguments: z.string().nullish() })
                    .nullish(),
                }),
              )
              .nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
  usage: usageSchema,
  error: z.unknown().optional(),
});

interface Call {
  id?: string;
  name: string;
  arguments: string;
}

/**
 * Puts the chunks of a streamed completion together; `onText` gets the whole text so far each time
 * it grew. Throws when a chunk is none, carries an error, or the stream ends before it said so.
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export const collectCompletion = async (
  chunks: AsyncIterable<unknown>,
  onText: (text: string) => void,
): Promise<Completion> => {
  let text = "";
  let refusal = "";
  let finishReason: string | undefined;
  let usage: Completion["usage"];
  const calls: Call[] = [];
  for await (const raw of chunks) {
    const chunk = chunkSchema.parse(raw);
    // Some servers report a failure in the middle of a stream that began with HTTP 200.
    if (chunk.error !== undefined && chunk.error !== null)
      throw new UnusableAnswerError("an error in the stream");
    usage = chunk.usage ?? usage;
    const choice = chunk.choices?.[0];
    if (choice === undefined) continue;
    finishReason = choice.finish_reason ?? finishReason;
    refusal += choice.delta?.refusal ?? "";
    for (const delta of choice.delta?.tool_calls ?? []) {
      calls[delta.index] = merged(calls[delta.index], delta);
    }
    const grown = choice.delta?.content ?? "";
    if (grown === "") continue;
    text += grown;
    onText(text);
  }
  // A cut connection looks like an end; half an answer must not pass for a whole one.
  if (finishReason === undefined)
    throw new UnusableAnswerError("a stream that ended in the middle");
  return {
    choices: [
      {
        finish_reason: finishReason,
        message: {
          content: text,
          refusal,
          tool_calls: Array.from(calls, (call) => ({
            id: call?.id ?? null,
            function: { name: call?.name ?? "", arguments: call?.arguments ?? "" },
          })),
        },
      },
    ],
    usage,
  };
};

type Delta = {
  readonly id?: string | null | undefined;
  readonly function?:
    | { readonly name?: string | null | undefined; readonly arguments?: string | null | undefined }
    | null
    | undefined;
};

const merged = (known: Call | undefined, delta: Delta): Call => ({
  ...(known?.id || delta.id ? { id: known?.id ?? delta.id ?? "" } : {}),
  name: (known?.name ?? "") + (delta.function?.name ?? ""),
  arguments: (known?.arguments ?? "") + (delta.function?.arguments ?? ""),
});
