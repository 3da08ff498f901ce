import fc from "fast-check";
import { expect, it } from "vitest";
import type { ModelRequest } from "../../../core/contract/model.ts";
import { mostInputTokens } from "../../../core/models/estimate.ts";

const requestOf = (text: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  ...{ model: "m", instructions: "", tools: [], locale: "en" },
  messages: [{ role: "user", text }],
  ...more,
});

it("is never below the bytes of a text, in any form that a tokenizer may bring it into", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const most = mostInputTokens(requestOf(text));
      for (const form of ["NFC", "NFD", "NFKC"] as const) {
        const bytes = Buffer.byteLength(form === "NFD" ? text : text.normalize(form), "utf8");
        expect(most).toBeGreaterThanOrEqual(bytes);
      }
    }),
  );
  // One character that compatibility composition makes 18 of.
  expect(mostInputTokens(requestOf("\ufdfa".repeat(1000)))).toBeGreaterThanOrEqual(33_000);
});

it("counts everything that is sent: instructions, functions, calls and what they returned", () => {
  const long = "x".repeat(1000);
  const empty = mostInputTokens(requestOf(""));
  const call = { id: "1", name: "tool", argumentsJson: long };
  for (const more of [
    { instructions: long },
    { tools: [{ name: "tool", description: long, parameters: {} }] },
    { tools: [{ name: "tool", description: "", parameters: { note: long } }] },
    { messages: [{ role: "assistant", text: "", toolCalls: [call] }] },
    { messages: [{ role: "assistant", text: long, toolCalls: [] }] },
    { messages: [{ role: "tool", callId: "1", text: long }] },
  ] as const) {
    expect(mostInputTokens(requestOf("", more))).toBeGreaterThanOrEqual(empty + 900);
  }
});
