import { describe, expect, it } from "vitest";
import { toDiscordMarkdown } from "../../channels/discord/markdown.ts";
import { leadsElsewhere } from "../../channels/link-words.ts";
import { toMrkdwn } from "../../channels/slack/mrkdwn.ts";
import { processorMs } from "../fakes/processor-time.ts";

const EVIL = "https://evil.example/login";

describe("words of a link that look like an address", () => {
  it.each([
    "bank.example",
    "www.bank.example/login",
    "https://bank.example",
    "BANK.EXAMPLE:8080",
    "me@bank.example",
    "bank。example",
    "ｂａｎｋ．ｅｘａｍｐｌｅ",
    "bank\u200b.exam\u2060ple",
    "bank.example (our bank)",
    "evil.example.bank.example",
    "银行.example",
  ])("phishing: are seen to lead elsewhere: %s", (words) => {
    expect(leadsElsewhere(words, EVIL)).toBe(true);
  });

  it.each([
    ["evil.example", EVIL],
    ["www.Evil.example/docs", EVIL],
    ["bücher.example", "https://xn--bcher-kva.example/"],
    ["the documentation", EVIL],
    ["version 1.2", EVIL],
    ["see bank.example", EVIL],
    ["", EVIL],
  ])("are left alone where they do not: %s", (words, url) => {
    expect(leadsElsewhere(words, url)).toBe(false);
  });

  it.each([
    ["Slack", toMrkdwn, "bank.example (<https://evil.example/login>)"],
    ["Discord", toDiscordMarkdown, "bank.example (https://evil.example/login)"],
  ])("phishing: stand beside the true address in %s", (_, render, shown) => {
    expect(render(`[bank.example](${EVIL})`)).toBe(shown);
    expect(render(`[**bank.example**](${EVIL})`)).toMatch(/bank\.example\W+\(<?https:\/\/evil/);
    expect(render(`[the bank](${EVIL})`)).not.toContain("(<");
  });

  it("takes time in proportion to hostile words", () => {
    const spentMs = processorMs(() => {
      for (const words of ["a.".repeat(50_000), "a".repeat(100_000), "@".repeat(100_000)]) {
        leadsElsewhere(words, EVIL);
      }
    });
    expect(spentMs).toBeLessThan(2_000);
  });
});
