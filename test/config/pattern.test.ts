import { describe, expect, it } from "vitest";
import { patternProblem } from "../../config/pattern.ts";

describe("patternProblem", () => {
  it("accepts the customer's patterns", () => {
    expect(patternProblem("\\b\\d{3}-\\d{2}-\\d{4}\\b")).toBeUndefined();
    expect(patternProblem("\\b\\d{4}[- ]?\\d{4}[- ]?\\d{4}[- ]?\\d{4}\\b")).toBeUndefined();
  });

  it.each([
    ["(?=a)b", "look-around"],
    ["(a)\\1", "back-references"],
    ["a{2000}", "up to 1000"],
    ["(?>a)b", "atomic"],
    ["[a", "RE2 syntax"],
  ])("says why %s cannot be used and what to write instead", (pattern, instead) => {
    const problem = patternProblem(pattern);
    expect(problem?.found).toContain("RE2 cannot express");
    expect(problem?.expected).toContain(instead);
  });

  it("refuses a pattern that every text matches", () => {
    expect(patternProblem("x*")?.found).toContain("matches the empty text");
  });
});
