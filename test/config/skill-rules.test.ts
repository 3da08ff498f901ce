import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSkillRules, RISKS, type SkillLists } from "../../config/skill-rules.ts";

const judge = (lists: Partial<SkillLists>, name: string, risk: (typeof RISKS)[number] = "low") =>
  createSkillRules({ allowed_skills: [], blocked_skills: [], ...lists })({ name, risk });

describe("the rules of skills", () => {
  it("allow what is listed, not blocked and not too risky; a block wins", () => {
    const lists = fc.array(fc.constantFrom("x", "y", "*"), { maxLength: 3 });
    const risks = fc.constantFrom(...RISKS);
    fc.assert(
      fc.property(
        ...([lists, lists, fc.constantFrom("x", "y", "w")] as const),
        ...([risks, fc.option(risks, { nil: undefined })] as const),
        (allowed, blocked, name, risk, max_risk) => {
          const isIn = (list: readonly string[]) =>
            list.some((entry) => entry === name || entry === "*");
          const order = (of: (typeof RISKS)[number]) => "low medium high".indexOf(of);
          const expected = isIn(blocked)
            ? "blocked"
            : !isIn(allowed)
              ? "not_listed"
              : order(risk) <= order(max_risk ?? "high")
                ? "allowed"
                : "too_risky";
          const written = {
            allowed_skills: allowed,
            blocked_skills: blocked,
            skill_policy: max_risk && { max_risk },
          };
          expect(judge(written, name, risk)).toBe(expected);
        },
      ),
    );
  });

  it("attack: another way to write a block is no way round it, and of an allowance none either", () => {
    for (const written of ["Code-Runner", " code-runner ", "ｃｏｄｅ-ｒｕｎｎｅｒ"]) {
      const all = { allowed_skills: ["*", "code-runner"], blocked_skills: [written] };
      expect(judge(all, "code-runner")).toBe("blocked");
      expect(judge({ allowed_skills: [written] }, "code-runner")).toBe("not_listed");
      expect(judge({ allowed_skills: ["code-runner"] }, written)).toBe("not_listed");
    }
  });

  it("attack: a risk that nobody knows is not taken, even where all are", () => {
    const unknown: unknown = "none";
    expect(judge({ allowed_skills: ["*"] }, "x", unknown as "low")).toBe("too_risky");
  });
});
