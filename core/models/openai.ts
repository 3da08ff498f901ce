import type OpenAI from "openai";
import type { ModelMessage, ModelProvider, ModelRequest } from "../contract/model.ts";
import { failureOf } from "./failure.ts";
import { modelFetch } from "./model-fetch.ts";
import { type Completion, completionSchema, parseCompletion } from "./openai-completion.ts";
import { collectCompletion } from "./openai-stream.ts";

/** A server that speaks OpenAI's chat completions. */
export interface OpenAiOptions {
  /** As named in the settings; appears in errors. */
  readonly name: string;
  /** Up to and without `/chat/completions`. */
  readonly baseUrl: string;
  /** Absent = no Authorization header is sent. */
  readonly apiKey?: string;
  /** OpenAI's reasoning models know only the new name, most other servers only the old one. */
  readonly outputLimitKey: "max_completion_tokens" | "max_tokens";
}

/** What a timer can hold at the most. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Asks such a server once: no retry, no fallback and no deadline; all are the caller's to decide.
 * Streams when the request wants to see the text grow.
 * @see https://platform.openai.com/docs/api-reference/chat/create
 */
export const createOpenAiProvider = (options: OpenAiOptions): ModelProvider => {
  const { name } = options;
  let client: Promise<OpenAI> | undefined;

  return {
    name,
    generate: async (request, signal) => {
      signal.throwIfAborted();
      const body = toBody(request, options);
      try {
        client ??= createClient(options);
        const { chat } = await client;
        const { onText } = request;
        const answer = onText
          ? await stream(chat, body, onText, signal)
          : completionSchema.parse(await chat.completions.create(body, { signal }));
        return parseCompletion(answer, JSON.stringify(body));
      } catch (cause) {
        // Whoever called off the turn gets that reason back; it says nothing about the model.
        signal.throwIfAborted();
        throw failureOf(cause, `asking ${name} (model ${request.model})`);
      }
    },
  };
};

/** Asks for a stream; takes a whole answer as well, since not every server can stream. */
const stream = async (
  chat: OpenAI.Chat,
  body: ReturnType<typeof toBody>,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<Completion> => {
  const wanted = { ...body, stream: true as const, stream_options: { include_usage: true } };
  const response = await chat.completions.create(wanted, { signal }).asResponse();
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
    return completionSchema.parse(await response.json());
  }
  const { Stream } = await import("openai/core/streaming");
  return collectCompletion(Stream.fromSSEResponse(response, new AbortController()), onText);
};

const createClient = async (options: OpenAiOptions): Promise<OpenAI> => {
  // Loaded at first use: a gateway that never asks such a server need not pay for the SDK.
  const [{ default: Client }, fetch] = await Promise.all([import("openai"), modelFetch()]);
  return new Client({
    baseURL: options.baseUrl,
    apiKey: options.apiKey ?? "none",
    ...(options.apiKey === undefined && { defaultHeaders: { Authorization: null } }),
    // What is not named here the SDK would take from environment variables.
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: "off",
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    fetch,
  });
};

const toBody = (request: ModelRequest, { outputLimitKey }: OpenAiOptions) => {
  const { model, instructions, messages, tools, maxOutputTokens } = request;
  return {
    model,
    messages: [
      ...(instructions === "" ? [] : [{ role: "system" as const, content: instructions }]),
      ...messages.map(toMessage),
    ],
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description, parameters }) => ({
        type: "function" as const,
        function: { name, description, parameters: { ...parameters } },
      })),
    }),
    ...(maxOutputTokens !== undefined && { [outputLimitKey]: maxOutputTokens }),
  } satisfies OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;
};

const toMessage = (message: ModelMessage): OpenAI.Chat.ChatCompletionMessageParam => {
  if (message.role === "user") return { role: "user", content: message.text };
  if (message.role === "tool") {
    return { role: "tool", tool_call_id: message.callId, content: message.text };
  }
  if (message.toolCalls.length === 0) return { role: "assistant", content: message.text };
  return {
    role: "assistant",
    content: message.text === "" ? null : message.text,
    tool_calls: message.toolCalls.map(({ id, name, argumentsJson }) => ({
      id,
      type: "function",
      function: { name, arguments: argumentsJson },
    })),
  };
};
