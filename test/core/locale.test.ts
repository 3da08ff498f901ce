import { describe, expect, it } from "vitest";
import { localeFor } from "../../core/locale.ts";

describe("localeFor", () => {
  it.each([
    ["What is 12% of 340?", "en"],
    ["340 的 12% 是多少？請幫我計算", "zh-Hant"],
    ["340 的 12% 是多少？请帮我计算", "zh-Hans"],
    ["Qu'est-ce que c'est ?", "en"],
    ["", "en"],
  ])("answers %j in the script of the question", (question, locale) => {
    expect(localeFor(undefined, question)).toBe(locale);
  });

  it("speaks the tenant's language whatever the question's", () => {
    expect(localeFor("zh-Hant", "hello")).toBe("zh-Hant");
  });
});
