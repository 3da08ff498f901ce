import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readCustomId, writeCustomId } from "../../../channels/discord/custom-id.ts";
import { fromBody, type Outgoing } from "../../../channels/discord/outgoing.ts";
import { render } from "../../../channels/discord/render.ts";
import { discordTarget } from "../../../channels/discord/target.ts";
import type { Card } from "../../../core/contract/card.ts";
import type { Answer } from "../../../core/contract/reply.ts";

const rendered = (answer: Partial<Answer>): readonly Outgoing[] =>
  render({ kind: "text", markdown: "", ...answer }).map(fromBody);

const card: Card = {
  ...{ id: "c1", title: "Travel", fields: [], buttons: [], selects: [] },
};

const cardIn = (messages: readonly Outgoing[]) => {
  const last = messages.at(-1);
  if (last?.kind !== "card") throw new Error("no card");
  return last;
};

describe("render", () => {
  it("gives somebody's words back character by character", () => {
    for (const markdown of ["*a* _b_ <@1> @everyone `c`", "  two\n\n\nlines  ", "```js\nx\n```"]) {
      expect(rendered({ markdown, isVerbatim: true })).toMatchObject([{ content: markdown }]);
    }
  });

  it("sends up to eight parts, and beyond that the whole text as one file", () => {
    const line = `${"x".repeat(999)}\n`;
    expect(rendered({ markdown: line.repeat(15), isVerbatim: true }).length).toBeLessThan(9);
    const long = line.repeat(60);
    const [file, ...others] = rendered({ markdown: long, isVerbatim: true });
    expect(others).toEqual([]);
    expect(file).toMatchObject({ kind: "file", name: "answer.txt" });
    expect(file?.kind === "file" && Buffer.from(file.data, "base64").toString()).toBe(long);
  });

  it("says what a file is that is too large, by the limit of the place", () => {
    const files = [{ name: "a.bin", bytes: Buffer.alloc(11 * 2 ** 20) }];
    const [said] = rendered({ files });
    expect(said?.kind === "text" && said.content).toBe("📎 a.bin: 11.0 MiB > 10.0 MiB ✗");
    const boosted = discordTarget({ channelId: "1", replyTo: "2", attachmentSizeLimit: 2 ** 25 });
    const [sent] = render({ kind: "text", markdown: "", files }, boosted).map(fromBody);
    expect(sent?.kind).toBe("file");
  });

  it("says half a character as one that is missing, which Discord would refuse", () => {
    for (const isVerbatim of [true, false]) {
      expect(rendered({ markdown: "a\ud83d b", isVerbatim })).toMatchObject([
        { content: "a\ufffd b" },
      ]);
    }
  });

  it("never leaves an answer empty", () => {
    expect(rendered({})).toMatchObject([{ kind: "text", content: "\u200b" }]);
  });

  it("tells only the person who may not ask that it is so", () => {
    const refusal = (code: "TENANT_UNKNOWN" | "MODEL_TIMEOUT") =>
      render({ kind: "refusal", code, markdown: `No. [${code}]` }).map(fromBody);
    expect(refusal("TENANT_UNKNOWN")).toMatchObject([{ isPrivate: true }]);
    expect(refusal("MODEL_TIMEOUT")[0]).not.toHaveProperty("isPrivate");
    expect(refusal("MODEL_TIMEOUT")).toMatchObject([{ content: "No. [MODEL_TIMEOUT]" }]);
  });
});

describe("a card", () => {
  it("has its selects, its buttons and its link, until it is decided", () => {
    const open: Card = {
      ...card,
      link: { url: "https://example.com", label: "More" },
      buttons: [{ id: "yes", label: "Yes", style: "primary" }],
      selects: [
        { id: "who", label: "Who", isMultiple: true, options: [{ id: "a", label: "Ann" }] },
      ],
    };
    expect(cardIn(rendered({ card: open })).components).toMatchObject([
      { components: [{ type: 3, custom_id: "card:c:c1:who", max_values: 1 }] },
      {
        components: [
          { type: 2, style: 1, custom_id: "card:b:c1:yes" },
          { type: 2, style: 5, url: "https://example.com" },
        ],
      },
    ]);
    const decided = cardIn(rendered({ card: { ...open, status: "Done *now*" } }));
    expect(decided.components).toMatchObject([{ components: [{ style: 5 }] }]);
    expect(decided.embed).toMatchObject({ description: "**Done \\*now\\***" });
  });

  it("says before it what no embed holds", () => {
    const messages = rendered({ card: { ...card, text: "word ".repeat(900) } });
    expect(messages.map(({ kind }) => kind)).toEqual(["text", "text", "text", "card"]);
    // In place of one that was clicked it does not say it once more.
    const click = discordTarget({ channelId: "1", replyTo: "2", cardMessageId: "3" });
    const decided = { ...card, text: "word ".repeat(900), status: "Done" };
    const again = render({ kind: "text", markdown: "", card: decided }, click).map(fromBody);
    expect(again.map(({ kind }) => kind)).toEqual(["card"]);
  });

  it("keeps to every limit of embeds and components, whatever is in it", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 3000 });
    const id = fc.string({ unit: fc.constantFrom(..."abcXYZ019_-"), minLength: 1, maxLength: 64 });
    const cards = fc.record<Card>({
      ...{ id, title: text },
      text,
      fields: fc.array(fc.record({ label: text, value: text }), { maxLength: 6 }),
      buttons: fc.uniqueArray(fc.record({ id, label: text }), {
        maxLength: 5,
        selector: (b) => b.id,
      }),
      selects: fc.uniqueArray(
        fc.record({
          ...{ id, label: text, isMultiple: fc.boolean() },
          options: fc.uniqueArray(fc.record({ id, label: text }), {
            ...{ minLength: 1, maxLength: 10, selector: (option: { id: string }) => option.id },
          }),
        }),
        { maxLength: 3, selector: (select) => select.id },
      ),
      status: text,
    });
    fc.assert(
      fc.property(cards, fc.boolean(), ({ status = "", ...open }, isDecided) => {
        const shown = cardIn(rendered({ card: isDecided ? { ...open, status } : open }));
        const embed = shown.embed as {
          title: string;
          description?: string;
          fields: { name: string; value: string }[];
        };
        const fields = embed.fields.flatMap(({ name, value }) => [name, value]);
        const total = [embed.title, embed.description ?? "", ...fields].join("").length;
        expect(total).toBeLessThanOrEqual(6000);
        expect(embed.title.length).toBeLessThanOrEqual(256);
        for (const value of fields) expect(value.length).toBeGreaterThan(0);
        expect(shown.components.length).toBeLessThanOrEqual(5);
        const json = JSON.stringify(shown.components);
        for (const [, customId = ""] of json.matchAll(/"custom_id":"([^"]+)"/g)) {
          expect(customId.length).toBeLessThanOrEqual(100);
        }
        for (const [, label = ""] of json.matchAll(/"label":("(?:[^"\\]|\\.)*")/g)) {
          expect(JSON.parse(label).length).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("reads back the ids that it wrote, or their alias", () => {
    const id = fc.string({ unit: fc.constantFrom(..."abcXYZ019_-"), minLength: 1, maxLength: 64 });
    const kind = fc.constantFrom("button" as const, "choice" as const, "pick" as const);
    fc.assert(
      fc.property(fc.record({ kind, cardId: id, id }), (customId) => {
        const written = writeCustomId(customId);
        expect(written.id.length).toBeLessThanOrEqual(100);
        expect(readCustomId(written.full)).toEqual(customId);
      }),
    );
  });
});
