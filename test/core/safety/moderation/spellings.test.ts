import { describe, expect, it } from "vitest";
import { createLexicon, LexiconError } from "../../../../core/safety/moderation/lexicon.ts";
import { maskText } from "../../../../core/safety/moderation/mask.ts";
import { moderate } from "../../../../core/safety/moderation/scan.ts";
import { ModerationStream } from "../../../../core/safety/moderation/stream.ts";

const lexiconOf = (...terms: readonly string[]) =>
  createLexicon(
    terms.map((term) => ({ id: term, term, action: "mask" as const })),
    "test",
  );
const found = (term: string, text: string) =>
  moderate(text, lexiconOf(term)).hits.map(({ start, end }) => text.slice(start, end));

describe("how terms are written", () => {
  it.each([
    ["AK-47", "ak 47, AK47, AK–47, ak_47"],
    ["AK47", "AK 47, AK-47"],
    ["bet365", "bet 365"],
    ["365bet", "365 Bet"],
    ["4-MMC", "4 MMC, 4mmc"],
    ["e-cigarette", "e cigarette, eCigarette"],
    ["hit-and-run scam", "hit and run scam, Hit-And-Run-Scam"],
    ["child/minor abuse", "child minor abuse, child-minor abuse, child minor-abuse"],
    ["kill yourself now", "kill-yourself now, kill yourself-now, killyourselfnow"],
  ])("%s is found together and apart: %s", (term, text) => {
    expect(found(term, text)).toEqual(text.split(", "));
  });

  it.each([
    ["a55", "a 55 year old"],
    ["K22", "page k 22 of it"],
    ["don't tell", "the don t-shirt, tell me"],
    ["AT&T", "it stops at T-junctions"],
    ["AK-47", "AK-470, ak 4 7s, peak 47"],
    ["hit-and-run", "a hit. And run"],
  ])("%s is not in: %s", (term, text) => {
    expect(found(term, text)).toEqual([]);
  });

  it.each([
    ["Acme Inc. merger", "the Acme Inc. merger, an acme inc merger", 2],
    ["U.S. visa fraud", "U.S. visa fraud, US visa-fraud, u. s. visa fraud", 3],
    ["Dr. No", "ask Dr. No, not Dr No", 2],
  ])("the dot of an abbreviation may be written or not: %s", (term, text, count) => {
    expect(found(term, text)).toHaveLength(count);
  });

  it.each(["毒. 品", "Acme Inc! merger", "Inc.\nmerger"])(
    "no other end of a sentence may stand in a term: %j",
    (term) => {
      expect(() => lexiconOf(term)).toThrow(LexiconError);
    },
  );

  it.each([
    ["破解软件", "破解軟體 破解软体", ["破解軟體", "破解软体"]],
    ["簡訊轟炸", "短信轰炸", ["短信轰炸"]],
    ["外挂", "微信插件, 外掛", ["外掛"]],
    ["专案组", "项目组的同事", []],
    ["司法程序違法", "司法程式违法", []],
  ])("has the other region's words for those of its own: %s", (term, text, parts) => {
    expect(found(term, text)).toEqual(parts);
  });

  it("lets nothing of an abbreviation out of a stream, wherever it is cut", () => {
    const lexicon = lexiconOf("Acme Inc. merger");
    const text = "about Acme Inc. merger plans of Acme Inc. and others";
    const masked = maskText(text, moderate(text, lexicon).hits);
    expect(masked).toBe("about **************** plans of Acme Inc. and others");
    for (let at = 0; at <= text.length; at += 1) {
      const stream = new ModerationStream([lexicon]);
      const out = stream.push(text.slice(0, at)) + stream.push(text.slice(at));
      expect(out + stream.finish().text, `cut at ${at}`).toBe(masked);
    }
  });
});
