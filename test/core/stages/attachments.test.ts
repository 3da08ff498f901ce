import { describe, expect, it } from "vitest";
import { AttachmentError } from "../../../core/contract/errors.ts";
import type { Locale } from "../../../core/contract/model.ts";
import type { Reply } from "../../../core/contract/reply.ts";
import type { Context } from "../../../core/stage.ts";
import { attachments } from "../../../core/stages/attachments.ts";
import { contextOf } from "../../fakes/turn.ts";

/** What comes of `reply` to a message with a file that cannot be had, and what the agent was given. */
const told = async (
  reason: ConstructorParameters<typeof AttachmentError>[0],
  reply: Reply,
  locale: Locale = "en",
) => {
  const file = { kind: "file", name: "a.txt", ref: "r" } as const;
  let seen: Context["attached"];
  const context: Context = {
    ...contextOf({ kind: "text", text: "look", attachments: [file] }),
    ...{ locale, openAttachment: () => Promise.reject(new AttachmentError(reason, "no")) },
  };
  const said = await attachments()(context, async (below) => {
    seen = below?.attached;
    return reply;
  });
  return { said, seen };
};

const answer = { kind: "text", markdown: "It rains." } as const;

describe("a file that lies where nothing may be fetched from", () => {
  it.each([
    ["en", /not allowed here\. Please ask your administrator\.$/],
    ["zh-Hant", /未獲允許，請聯絡管理員。$/],
    ["zh-Hans", /未获允许，请联系管理员。$/],
  ] as const)("is said to be so below the answer, in %s", async (locale, words) => {
    const { said, seen } = await told("not_allowed", answer, locale);
    expect(said).toMatchObject({ kind: "text", markdown: expect.stringMatching(words) });
    expect(said).toMatchObject({ markdown: expect.stringMatching(/^It rains\.\n\n/) });
    expect(seen).toEqual([{ name: "a.txt", problem: "not_allowed" }]);
  });

  it("is said to be so where there is no text to stand below", async () => {
    const { said } = await told("not_allowed", { ...answer, markdown: "" });
    expect(said).toMatchObject({ markdown: expect.stringMatching(/^A file of this message/) });
  });

  it("changes no refusal and no silence", async () => {
    const refusal = { kind: "refusal", code: "INTERNAL", markdown: "No. [INTERNAL]" } as const;
    expect((await told("not_allowed", refusal)).said).toBe(refusal);
    const silence = { kind: "silence", reason: "STOPPED" } as const;
    expect((await told("not_allowed", silence)).said).toBe(silence);
  });
});

describe("a file that cannot be had for another reason", () => {
  it.each(["expired", "too_large", "refused", "unreachable"] as const)(
    "is left to the agent's words: %s",
    async (reason) => {
      const { said, seen } = await told(reason, answer);
      expect(said).toBe(answer);
      expect(seen).toEqual([{ name: "a.txt", problem: reason }]);
    },
  );
});
