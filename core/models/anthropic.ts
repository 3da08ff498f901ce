import type { ModelMessage, ModelProvider, ModelRequest } from "../contract/model.ts";
import { messageSchema, parseMessage } from "./anthropic-message.ts";
import { collectMessage } from "./anthropic-stream.ts";
import { failureOf } from "./failure.ts";
import { modelFetch } from "./model-fetch.ts";
import { serverEvents } from "./server-events.ts";

/** A server that speaks Anthropic's Messages API. */
export interface AnthropicOptions {
  /** As named in the settings; appears in errors. */
  readonly name: string;
  /** Up to and without `/v1/messages`. */
  readonly baseUrl: string;
  readonly apiKey?: string;
}

// https://docs.anthropic.com/en/api/versioning
const VERSION = "2023-06-01";
// The API demands a limit; every model that is sold allows this one.
const USUAL_OUTPUT_TOKENS = 8192;

/**
 * Asks such a server once: no retry, no fallback and no deadline; all are the caller's to decide.
 * Streams when the request wants to see the text grow.
 * @see https://docs.anthropic.com/en/api/messages
 */
export const createAnthropicProvider = ({
  name,
  baseUrl,
  apiKey,
}: AnthropicOptions): ModelProvider => {
  let fetching: Promise<typeof globalThis.fetch> | undefined;
  return {
    name,
    generate: async (request, signal) => {
      signal.throwIfAborted();
      const { onText } = request;
      try {
        // Loaded at first use, and its connections kept for the next.
        fetching ??= modelFetch();
        const fetch = await fetching;
        const body = JSON.stringify({ ...toBody(request), ...(onText && { stream: true }) });
        const response = await fetch(`${baseUrl.replace(/\/+$/, "")}/v1/messages`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            "anthropic-version": VERSION,
            ...(apiKey !== undefined && { "x-api-key": apiKey }),
          },
          body,
          signal,
        });
        return parseMessage(await messageIn(response, onText), body);
      } catch (cause) {
        // Whoever called off the turn gets that reason back; it says nothing about the model.
        signal.throwIfAborted();
        throw failureOf(cause, `asking ${name} (model ${request.model})`);
      }
    },
  };
};

const messageIn = async (response: Response, onText: ModelRequest["onText"]) => {
  if (!response.ok) {
    await response.body?.cancel();
    throw Object.assign(new Error("refused"), { status: response.status });
  }
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (!isStream || !response.body) return messageSchema.parse(await response.json());
  return collectMessage(serverEvents(response.body), onText ?? (() => {}));
};

const toBody = (request: ModelRequest) => {
  const { model, instructions, messages, tools, maxOutputTokens } = request;
  return {
    model,
    max_tokens: maxOutputTokens ?? USUAL_OUTPUT_TOKENS,
    ...(instructions !== "" && { system: instructions }),
    messages: toMessages(messages),
    ...(tools.length > 0 && {
      tools: tools.map(({ name, description, parameters }) => ({
        name,
        description,
        input_schema: parameters,
      })),
    }),
  };
};

interface Message {
  readonly role: "user" | "assistant";
  readonly content: object[];
}

/** What tools returned goes into one message of the user's, right after the calls. */
const toMessages = (messages: readonly ModelMessage[]): readonly Message[] => {
  const out: Message[] = [];
  for (const message of messages) {
    const role = message.role === "assistant" ? "assistant" : "user";
    const last = out.at(-1);
    if (last?.role === role) last.content.push(...toBlocks(message));
    else out.push({ role, content: toBlocks(message) });
  }
  return out;
};

const toBlocks = (message: ModelMessage): object[] => {
  if (message.role === "tool") {
    return [{ type: "tool_result", tool_use_id: message.callId, content: message.text }];
  }
  // The API takes no empty text.
  const text = message.text === "" ? [] : [{ type: "text", text: message.text }];
  if (message.role === "user") return text;
  const calls = message.toolCalls.map(({ id, name, argumentsJson }) => ({
    type: "tool_use",
    id,
    name,
    input: argumentsOf(argumentsJson),
  }));
  return [...text, ...calls];
};

/** An object, as the API demands; another model may have written anything. */
const argumentsOf = (json: string): object => {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
};
