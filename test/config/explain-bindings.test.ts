import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Described, explainBindings } from "../../config/explain-bindings.ts";
import { settingsSchema } from "../../config/schema.ts";
import { createTenantIndex } from "../../config/tenant.ts";

const settingsOf = (tenants: readonly object[]) =>
  settingsSchema.parse({ multi_tenant: { tenants } });

const bound = (id: string, ...bindings: object[]) => ({
  id,
  bindings: bindings.map((each) => ({ channel: "slack", workspace: "T1", ...each })),
});

const someone = (changes: Partial<Described> = {}): Described => ({
  ...{ channel: "slack", workspaceId: "T1" },
  ...changes,
});

describe("the explanation of bindings", () => {
  it("says of each binding of the workspace whether it matches, and what keeps it from that", () => {
    const settings = settingsOf([
      bound("all", {}),
      bound("sales", { department: "Sales" }, { department: "7", conversation: "C1" }),
      bound("elsewhere", { workspace: "T2" }),
    ]);
    const looks = explainBindings(settings, someone({ departments: ["Sales"] }));
    expect(looks.map(({ tenantId, outcome, because }) => [tenantId, outcome, ...because])).toEqual([
      ["sales", "differs", "department"],
      ["sales", "matches"],
      ["all", "matches"],
    ]);
    expect(looks[0]).toMatchObject({
      path: "multi_tenant.tenants[1].bindings[1]",
      asks: { department: "7", conversation: "C1" },
    });
  });

  it("tells what was not told from what differs", () => {
    const settings = settingsOf([bound("sales", { department: "Sales", role: "R1" })]);
    const outcomeOf = (who: Partial<Described>) =>
      explainBindings(settings, someone(who)).map(({ outcome, because }) => [outcome, ...because]);
    expect(outcomeOf({})).toEqual([["not_told", "role", "department"]]);
    expect(outcomeOf({ roles: ["R1"] })).toEqual([["not_told", "department"]]);
    expect(outcomeOf({ roles: [] })).toEqual([["differs", "role"]]);
    expect(outcomeOf({ roles: ["R1"], departments: ["x", "Sales"] })).toEqual([["matches"]]);
  });

  it("agrees with what decides, whatever the bindings", () => {
    const maybe = (...values: string[]) =>
      fc.option(fc.constantFrom(...values), { nil: undefined });
    const binding = fc.record({
      ...{ channel: fc.constantFrom("slack", "wechat_work"), workspace: fc.constantFrom("T1") },
      ...{ department: maybe("d1", "d2"), role: maybe("r1", "r2") },
      conversation: maybe("c1", "1000002/Wei"),
    });
    const tenants = fc.uniqueArray(
      fc.record({
        id: fc.constantFrom("a", "b", "c"),
        bindings: fc.array(binding, { maxLength: 4 }),
      }),
      { selector: ({ id }) => id },
    );
    const who = fc.record({
      ...{ channel: fc.constantFrom("slack" as const, "wechat_work" as const) },
      workspaceId: fc.constant("T1"),
      conversationId: fc.constantFrom("c1", "1000002/wei", "c3"),
      roles: fc.subarray(["r1", "r2"]),
      departments: fc.subarray(["d1", "d2"]),
    });
    fc.assert(
      fc.property(tenants, who, (given, person) => {
        const settings = settingsOf(given.map((each) => JSON.parse(JSON.stringify(each))));
        const matching = explainBindings(settings, person).filter(
          ({ outcome }) => outcome === "matches",
        );
        const best = matching.filter(({ rank }) => rank === matching[0]?.rank);
        const ids = [...new Set(best.map(({ tenantId }) => tenantId))].sort();
        const [id] = ids;
        expect(createTenantIndex(settings).resolve(person)).toMatchObject(
          id === undefined
            ? { kind: "unknown" }
            : ids.length > 1
              ? { kind: "ambiguous", ids }
              : { kind: "tenant", tenant: { id } },
        );
      }),
    );
  });
});
