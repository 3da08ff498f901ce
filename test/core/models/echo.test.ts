import fc from "fast-check";
import { expect, it } from "vitest";
import { createEchoProvider } from "../../../core/models/echo.ts";

it("returns the last text of the user, unchanged, whatever it is", async () => {
  const provider = createEchoProvider("echo");
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), fc.string(), async (text, earlier) => {
      const turn = await provider.generate(
        {
          model: "",
          instructions: "Be brief.",
          messages: [
            { role: "user", text: earlier },
            { role: "assistant", text: "…", toolCalls: [] },
            { role: "user", text },
          ],
          tools: [{ name: "calculator", description: "Calculates.", parameters: {} }],
          locale: "en",
        },
        new AbortController().signal,
      );
      expect(turn.text).toBe(text);
      expect(turn.toolCalls).toEqual([]);
    }),
  );
});
