import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NamedAgent } from "../../config/tenant.ts";
import type { Reply } from "../../core/contract/reply.ts";
import { addressedIn, servedBy } from "../../core/named-agents.ts";
import type { Context } from "../../core/stage.ts";
import { address } from "../../core/stages/address.ts";
import { tenantWith, textContext } from "../fakes/turn.ts";

const agent = (name: string, more: Partial<NamedAgent> = {}): NamedAgent => ({
  ...{ name, isOtherSystem: false },
  ...more,
});
const AGENTS = [agent("helper"), agent("writer"), agent("writer-2"), agent("小幫手")];
const addressed = (text: string) => {
  const { agent: found, text: said } = addressedIn(text, AGENTS);
  return [found?.name, said];
};

describe("an agent's address", () => {
  it.each([
    ["@writer a poem", "writer", "a poem"],
    ["＠writer a poem", "writer", "a poem"],
    ["  @Writer, a poem", "writer", "a poem"],
    ["@writer：寫一首詩", "writer", "寫一首詩"],
    ["@writer寫一首詩", "writer", "寫一首詩"],
    ["@writer-2 a poem", "writer-2", "a poem"],
    ["@小幫手今天天氣如何", "小幫手", "今天天氣如何"],
    ["@writer", "writer", ""],
    ["@writer\nline one\nline two", "writer", "line one\nline two"],
  ])("in %j is %s's", (text, name, said) => {
    expect(addressed(text)).toEqual([name, said]);
  });

  it.each([
    "@writers a poem",
    "@nobody hello",
    "ask @writer",
    "writer a poem",
    "@",
    "",
    "a@writer",
  ])("is not in %j: the first agent answers all of it", (text) => {
    expect(addressed(text)).toEqual(["helper", text]);
  });

  it("is nothing to a tenant without agents", () => {
    expect(addressedIn("@writer hi", [])).toEqual({ text: "@writer hi" });
  });

  it("leaves a text whole that begins with none, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const { text: said } = addressedIn(`x${text}`, AGENTS);
        expect(said).toBe(`x${text}`);
      }),
    );
  });
});

describe("an agent", () => {
  const tenant = tenantWith(["a", "b"], {
    light: { provider: "light", model: "l", region: "cn" },
    fallback: [{ provider: "second", model: "s", region: "cn" }],
  });

  it("never has more skills than its tenant", () => {
    const names = fc.array(fc.constantFrom<string>("a", "b", "c"), { maxLength: 3 });
    fc.assert(
      fc.property(names, fc.option(names, { nil: undefined }), (tenants, skills) => {
        const served = servedBy(tenantWith(tenants), agent("x", skills ? { skills } : {}));
        for (const name of ["a", "b", "c"]) {
          const expected = tenants.includes(name) && (skills?.includes(name) ?? true);
          expect(served.skillVerdict({ name, risk: "low" }) === "allowed").toBe(expected);
        }
      }),
    );
  });

  it("that names a model asks it in the tenant's place, with the tenant's fallbacks", () => {
    const asks = { provider: "own", model: "o", region: "on-prem" } as const;
    const served = servedBy(tenant, agent("x", { asks, instructions: "Be brief." }));
    expect(served).toMatchObject({ ...asks, fallback: tenant.fallback, instructions: "Be brief." });
    expect(served.light).toBeUndefined();
    expect(servedBy(tenant, agent("x")).light).toEqual(tenant.light);
  });

  it("of another system has no skills", () => {
    const served = servedBy(tenant, agent("claw", { isOtherSystem: true }));
    for (const name of ["a", "b"]) {
      expect(served.skillVerdict({ name, risk: "low" })).toBe("not_the_agents");
    }
    expect(served.isOtherSystem).toBe(true);
  });
});

describe("the stage", () => {
  const passed = async (context: Context): Promise<Context> => {
    let seen = context;
    const silence: Reply = { kind: "silence", reason: "TEST" };
    await address()(context, async (changed = context) => {
      seen = changed;
      return silence;
    });
    return seen;
  };
  const agents = [agent("first", { instructions: "F" }), agent("writer", { instructions: "W" })];

  it("hands the text without the address to the agent that it names", async () => {
    const seen = await passed(textContext("@writer a poem", tenantWith([], { agents })));
    expect(seen.message.content).toEqual({ kind: "text", text: "a poem" });
    expect(seen.tenant).toMatchObject({ id: "sales", instructions: "W" });
  });

  it("leaves a name alone as it is, and texts without one to the first agent", async () => {
    const alone = await passed(textContext("@writer", tenantWith([], { agents })));
    expect(alone.message.content).toEqual({ kind: "text", text: "@writer" });
    const other = await passed(textContext("a poem", tenantWith([], { agents })));
    expect(other.tenant.instructions).toBe("F");
  });
});
