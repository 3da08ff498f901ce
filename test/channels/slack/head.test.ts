import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { streamText } from "../../../channels/slack/head.ts";

/** What Markdown says: entities and escapes undone, as whoever reads it does first. */
const meant = (markdown: string): string =>
  markdown
    .replace(/&(?:lt|#0*60|#x0*3c);?/gi, "<")
    .replace(/&(?:commat|#0*64|#x0*40);?/gi, "@")
    .replace(/\\([!-/:-@[-`{-~])/g, "$1");

describe("Markdown for a stream", () => {
  it.each([
    "<!channel>",
    "<!here|here>",
    "<@U012AB3CD>",
    "<#C1|general>",
    "<!subteam^S1>",
    "@channel",
    "@Everyone",
    "&lt;!channel&gt;",
    "&lt!channel>",
    "&#60;!here&#62;",
    "&#x3C;@U012AB3CD>",
    "&#00060;!here>",
    "<\\!channel>",
    "<\\@U012AB3CD>",
    "&#64;channel",
    "&commat;here",
  ])("mention injection: calls nobody with %s", (text) => {
    expect(meant(streamText(`so ${text} it`))).not.toMatch(/<[!@#]|@(?:channel|here|everyone)/i);
  });

  it("mention injection: calls nobody, whatever it is put together from", () => {
    const pieces = fc.constantFrom(
      ..."< &lt; &lt &#60; &#x3c; \\ ! @ # &#64; &commat; channel here everyone > U1 h m".split(
        " ",
      ),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        expect(meant(streamText(parts.join("")))).not.toMatch(/<[!@#]|@(?:channel|here|everyone)/i);
      }),
      { numRuns: 2_000 },
    );
  });

  it("leaves addresses and comparisons as they are", () => {
    const text = "see <https://a.example/b>, <mailto:a@b.example>, 1 < 2, AT&T";
    expect(streamText(text)).toBe(text);
  });
});
