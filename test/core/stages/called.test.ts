import { describe, expect, it } from "vitest";
import type { Content } from "../../../core/contract/message.ts";
import { called } from "../../../core/stages/called.ts";
import { contextOf } from "../../fakes/turn.ts";

type Text = Extract<Content, { kind: "text" }>;

const answerTo = (content: Omit<Text, "kind">) =>
  called({ allowedFor: () => [] })(contextOf({ kind: "text", ...content }), async () => ({
    kind: "silence",
    reason: "NEXT",
  }));

describe("who calls", () => {
  it.each(["", " ", "\n"])("without a word is greeted: %j", async (text) => {
    expect(await answerTo({ text })).toEqual({
      kind: "text",
      markdown: "Hello, I am the assistant of Sales. Just write what you need.",
    });
  });

  it.each<[string, Omit<Text, "kind">]>([
    ["with words", { text: "hi" }],
    ["about somebody's words", { text: "", quote: "the sky is blue" }],
    ["with a file", { text: "", attachments: [{ kind: "file", name: "a.txt", ref: "1" }] }],
  ])("%s is answered by the agent", async (_how, content) => {
    expect(await answerTo(content)).toEqual({ kind: "silence", reason: "NEXT" });
  });
});
