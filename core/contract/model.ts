/** Something that can continue a conversation: a remote model, or a built-in rule. */
export interface ModelProvider {
  /** As named in the settings. */
  readonly name: string;
  /**
   * Answers within the gateway, which nothing leaves: looks at the last question alone, so that
   * nothing said before need be read for it.
   */
  readonly isBuiltIn?: true;
  /** One turn of the model. Throws ModelError when there is none to be had. */
  generate(request: ModelRequest, signal: AbortSignal): Promise<ModelTurn>;
}

export interface ModelRequest {
  readonly model: string;
  readonly instructions: string;
  /** Oldest first; the last one is what to answer. */
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly Tool[];
  readonly maxOutputTokens?: number | undefined;
  /** What language to speak where the provider writes sentences of its own. */
  readonly locale: Locale;
  /** Called with the whole text so far whenever it grew, where the provider can tell. */
  readonly onText?: ((text: string) => void) | undefined;
}

export type Locale = "en" | "zh-Hant" | "zh-Hans";

export type ModelMessage =
  | { readonly role: "user"; readonly text: string }
  | { readonly role: "assistant"; readonly text: string; readonly toolCalls: readonly ToolCall[] }
  | { readonly role: "tool"; readonly callId: string; readonly text: string };

/** A skill as the model sees it: a function that bears the skill's name. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  /** JSON schema of the arguments object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text as the model wrote it: untrusted, possibly not JSON at all. */
  readonly argumentsJson: string;
}

/** Either calls to make, or (none) the answer in `text`, as Markdown. */
export interface ModelTurn {
  readonly text: string;
  /** `text` is no Markdown but to be shown character by character. */
  readonly isVerbatim?: boolean;
  readonly toolCalls: readonly ToolCall[];
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
}
