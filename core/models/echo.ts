import type { ModelProvider } from "../contract/model.ts";

/** Answers with the last text that a user wrote, unchanged; calls no tool. For tests and drills. */
export const createEchoProvider = (name: string): ModelProvider => ({
  name,
  isBuiltIn: true,
  generate: async ({ messages }) => {
    const question = messages.findLast((message) => message.role === "user");
    return {
      text: question?.text ?? "",
      isVerbatim: true,
      toolCalls: [],
      usage: { inputTokens: 0, outputTokens: 0 },
    };
  },
});
