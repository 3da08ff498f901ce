import { describe, expect, it } from "vitest";
import { problemsOf } from "./workspace.ts";

const rulesOf = (count: number, pattern: string) => ({
  enterprise: {
    data_loss_prevention: {
      rules: Array.from({ length: count }, (_, i) => ({
        name: `r${i}`,
        pattern,
        action: "redact",
      })),
    },
  },
});

describe("the rules of data-loss prevention", () => {
  it("may be three hundred", () => {
    expect(problemsOf(rulesOf(300, "EMP-\\d{6}"))).toEqual([]);
    expect(problemsOf(rulesOf(301, "EMP-\\d{6}"))).toMatchObject([
      { path: "enterprise.data_loss_prevention.rules", found: "301 rules" },
    ]);
  });

  it("may have so many steps together, and the first that goes beyond is named", () => {
    const problems = problemsOf(rulesOf(40, "(?:ab){300}"));
    expect(problems).toMatchObject([
      {
        path: "enterprise.data_loss_prevention.rules[33].pattern",
        expected: expect.stringContaining("moderation.lexicons"),
      },
    ]);
  });
});
