import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMessage } from "../../../channels/wecom/parse.ts";
import { renderPassive } from "../../../channels/wecom/passive.ts";
import { MAX_TEXT_BYTES, render } from "../../../channels/wecom/render.ts";
import { createEchoProvider } from "../../../core/models/echo.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { newCloudApp } from "../../fakes/wecom-cloud.ts";
import { openPassiveReply, textMessage } from "../../fakes/wecom-envelope.ts";

const cloudApp = newCloudApp();
const app = wecomAppOf(cloudApp);
const echo = createEchoProvider("echo");
const signal = new AbortController().signal;

/** What the platform says a person wrote, as our model hears it, as the platform shows the answer. */
const throughTheChannel = async (text: string): Promise<string> => {
  const parsed = parseMessage(app, textMessage(cloudApp, { user: "wei", text, msgId: "1" }));
  if (!parsed.isUnderstood || parsed.message.content.kind !== "text") return "not a text";
  const { text: markdown } = await echo.generate(
    {
      model: "",
      instructions: "",
      messages: [{ role: "user", text: parsed.message.content.text }],
      tools: [],
      locale: "en",
    },
    signal,
  );
  const parts = render({ kind: "text", markdown, isVerbatim: true });
  const shown = parts.map((content) => {
    expect(Buffer.byteLength(content)).toBeLessThanOrEqual(MAX_TEXT_BYTES);
    const reply = { corpId: app.corp_id, userId: "wei", content };
    return openPassiveReply(renderPassive(reply, app, new Date()), cloudApp).content;
  });
  return shown.join("");
};

// XML 1.0 cannot carry these, so WeCom can neither send nor show them.
const isForbidden = (text: string): boolean =>
  /[\p{Cc}\ufffe\uffff]/u.test(text.replace(/[\t\n\r\x7f-\x9f]/g, ""));
const character = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      "]]>",
      "<![CDATA[",
      "&amp;",
      "&#0;",
      "**",
      "`",
      "[a](b)",
      "\n\n",
      " ",
      "👩‍👩‍👧",
      "國",
    ),
  )
  .filter((text) => !isForbidden(text) && text.isWellFormed());

describe("what a person writes to an agent that echoes", () => {
  it("comes back byte for byte, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(character, { minLength: 1, maxLength: 400 }), async (pieces) => {
        const text = pieces.join("");
        expect(await throughTheChannel(text)).toBe(text);
      }),
      { numRuns: 200 },
    );
  });

  it.each(["a", "國", "👩‍👩‍👧", "word ", "**bold** ", "line\n"])(
    "comes back byte for byte at 60 KB of %j",
    async (unit) => {
      const text = unit.repeat(Math.floor(60_000 / Buffer.byteLength(unit)));
      expect(await throughTheChannel(text)).toBe(text);
    },
  );
});
