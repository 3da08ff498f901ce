import type { ModelMessage, ModelRequest } from "../contract/model.ts";

// What chat templates, roles and the description of functions add around our own text; the largest
// that a vendor names is 700 for functions as a whole, and single messages take below ten.
// https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing
const AROUND_REQUEST = 1024;
const AROUND_PART = 32;

/**
 * The most tokens that a request can count as input: no tokenizer makes more tokens of a text than
 * it has bytes, in the form that it has or that the tokenizer may bring it into first.
 */
export const mostInputTokens = ({
  instructions,
  messages,
  tools,
}: Pick<ModelRequest, "instructions" | "messages" | "tools">): number => {
  let tokens = AROUND_REQUEST + tokensOf(instructions);
  for (const message of messages) {
    for (const text of textsOf(message)) tokens += tokensOf(text);
  }
  for (const { name, description, parameters } of tools) {
    tokens += tokensOf(name) + tokensOf(description) + tokensOf(JSON.stringify(parameters));
  }
  return tokens;
};

const tokensOf = (text: string): number => AROUND_PART + mostBytes(text);

const textsOf = (message: ModelMessage): readonly string[] => {
  if (message.role === "user") return [message.text];
  if (message.role === "tool") return [message.callId, message.text];
  return [
    message.text,
    ...message.toolCalls.flatMap(({ id, name, argumentsJson }) => [id, name, argumentsJson]),
  ];
};

const NOT_ASCII = /\P{ASCII}/u;

const mostBytes = (text: string): number => {
  if (!NOT_ASCII.test(text)) return text.length;
  const forms = [text, text.normalize("NFC"), text.normalize("NFKC")];
  return Math.max(...forms.map((form) => Buffer.byteLength(form, "utf8")));
};
