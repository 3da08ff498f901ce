import { describe, expect, it } from "vitest";
import type { Notice } from "../../../core/contract/notice.ts";
import { noticeText } from "../../../core/notices/wording.ts";

const notice = (more: Partial<Notice> = {}): Notice => ({
  ...{ kind: "budget_warning", tenantId: "sales", month: "2026-03" },
  ...{ limitUsd: 1500, usedUsd: 1200.456 },
  ...more,
});

describe("the words of a notice", () => {
  it("say in each language whose budget it is, of which month, and how much of it is used", () => {
    const texts = (["budget_warning", "budget_exceeded"] as const).flatMap((kind) =>
      (["en", "zh-Hant", "zh-Hans"] as const).map((locale) =>
        noticeText(notice({ kind }), "業務部", locale),
      ),
    );
    expect(new Set(texts).size).toBe(6);
    for (const text of texts) {
      for (const fact of ["業務部", "2026-03", "1,500.00", "1,200.46"])
        expect(text).toContain(fact);
      expect(text).not.toMatch(/[{}]/);
    }
    const [warning, traditional, simplified] = texts;
    expect([warning, traditional, simplified].map((text) => text?.match(/80 ?%/)?.[0])).toEqual([
      "80 %",
      "80%",
      "80%",
    ]);
  });

  it("show what is less than a dollar to the hundredth of a cent", () => {
    expect(noticeText(notice({ limitUsd: 0.01, usedUsd: 0.0085 }), "x", "en")).toContain(
      "0.0085 of 0.01 US dollars",
    );
  });

  it("take a tenant's name as it is", () => {
    expect(noticeText(notice(), "$& {used}", "en")).toContain("The assistant of $& {used} has");
  });
});
