import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Settings } from "../../config/schema.ts";
import { settingsSchema } from "../../config/schema.ts";
import { createTenantIndex, type Origin, type TenantResolution } from "../../config/tenant.ts";

type TenantSettings = Settings["multi_tenant"]["tenants"][number];
type Binding = TenantSettings["bindings"][number];

const indexOf = (tenants: readonly object[]) =>
  createTenantIndex(settingsSchema.parse({ multi_tenant: { tenants } }));

const origin = (changes: Partial<Origin> = {}): Origin => ({
  channel: "discord",
  workspaceId: "G1",
  conversationId: "C1",
  roles: [],
  departments: [],
  ...changes,
});

const bound = (id: string, ...bindings: Partial<Binding>[]) => ({
  id,
  bindings: bindings.map((binding) => ({ channel: "discord", workspace: "G1", ...binding })),
});

describe("resolve", () => {
  it("prefers conversation to role to department to workspace", () => {
    const all = [
      bound("by-workspace", {}),
      bound("by-department", { department: "D1" }),
      bound("by-role", { role: "R1" }),
      bound("by-conversation", { conversation: "C1" }),
    ];
    const from = origin({ roles: ["R1"], departments: ["D1"] });
    for (let count = all.length; count > 0; count -= 1) {
      const expected = all[count - 1]?.id;
      const found = indexOf(all.slice(0, count)).resolve(from);
      expect(found.kind === "tenant" && found.tenant.id).toBe(expected);
    }
  });

  it("names every tenant of an ambiguity, and asks no less specific binding", () => {
    const index = indexOf([bound("a", { role: "R1" }), bound("b", { role: "R2" }), bound("c", {})]);
    expect(index.resolve(origin({ roles: ["R2", "R1"] }))).toEqual({
      kind: "ambiguous",
      ids: ["a", "b"],
    });
  });

  it("is not ambiguous when several bindings lead to one tenant", () => {
    const index = indexOf([bound("a", { role: "R1" }, { role: "R2" })]);
    expect(index.resolve(origin({ roles: ["R1", "R2"] }))).toMatchObject({ kind: "tenant" });
  });

  it.each([
    ["another channel", { channel: "slack" }],
    ["another workspace", { workspaceId: "G2" }],
    ["a channel named like an object's own key", { channel: "__proto__" }],
  ])("knows no tenant for %s", (_what, changes) => {
    expect(indexOf([bound("a", {})]).resolve(origin(changes))).toEqual({ kind: "unknown" });
  });

  it("does not mistake a text for an absent qualifier, nor one qualifier for another", () => {
    const index = indexOf([bound("a", { department: "x" }), bound("b", { role: "null" })]);
    for (const changes of [
      { roles: ["x"] },
      { conversationId: "x" },
      { departments: ["null"] },
      { workspaceId: 'G1","x' },
    ]) {
      expect(index.resolve(origin(changes))).toEqual({ kind: "unknown" });
    }
  });

  describe("for a conversation that lies in no workspace", () => {
    const index = indexOf([
      bound("red", { workspace: "G1" }),
      bound("blue", { workspace: "G2", role: "R2" }),
    ]);
    const among = (...memberships: { workspaceId: string; roles: string[] }[]) =>
      index.resolve(origin({ workspaceId: "", memberships }));
    const red = { workspaceId: "G1", roles: [] };
    const blue = { workspaceId: "G2", roles: ["R2"] };

    it("finds the one tenant of all the workspaces that the person is in", () => {
      expect(among({ workspaceId: "G9", roles: ["R2"] }, blue)).toMatchObject({
        kind: "tenant",
        tenant: { id: "blue" },
      });
      expect(among(red, { ...blue, roles: [] })).toMatchObject({ tenant: { id: "red" } });
    });

    it("names every tenant when there are several, and none when there is none", () => {
      expect(among(red, blue)).toEqual({ kind: "ambiguous", ids: ["blue", "red"] });
      expect(among()).toEqual({ kind: "unknown" });
    });
  });

  it("matches a WeCom user whatever the case in the settings", () => {
    const binding = {
      channel: "wechat_work" as const,
      workspace: "ww",
      conversation: "1000002/Zhang.San",
    };
    const from = origin({
      channel: "wechat_work",
      workspaceId: "ww",
      conversationId: "1000002/zhang.san",
    });
    expect(indexOf([bound("a", binding)]).resolve(from)).toMatchObject({ kind: "tenant" });
    expect(indexOf([bound("a", binding)]).resolve({ ...from, workspaceId: "WW" })).toEqual({
      kind: "unknown",
    });
  });

  it("agrees with looking at every binding of every tenant", () => {
    const name = fc.constantFrom("x", "y", "z");
    const maybe = fc.option(name, { nil: undefined });
    const bindings = fc.record({
      workspace: fc.constantFrom("G1", "G2"),
      conversation: maybe,
      role: maybe,
      department: maybe,
    });
    const tenants = fc
      .array(fc.array(bindings, { maxLength: 5 }), { maxLength: 5 })
      .map((lists) =>
        lists.map((list, index) => bound(`t${index}`, ...list.map((entry) => defined(entry)))),
      );
    const origins = fc.record({
      channel: fc.constantFrom("discord", "slack"),
      workspaceId: fc.constantFrom("G1", "G2"),
      conversationId: name,
      roles: fc.uniqueArray(name),
      departments: fc.uniqueArray(name),
    });
    fc.assert(
      fc.property(tenants, origins, (list, from) => {
        const found = indexOf(list).resolve(from);
        const plain = found.kind === "tenant" ? { kind: found.kind, id: found.tenant.id } : found;
        expect(plain).toEqual(naive(list, from));
      }),
      { numRuns: 500 },
    );
  });
});

const defined = (entry: object): object =>
  Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));

type Naive = Exclude<TenantResolution, { kind: "tenant" }> | { kind: "tenant"; id: string };

/** Ranks every binding that matches, and takes the tenants of the highest rank. */
const naive = (tenants: readonly ReturnType<typeof bound>[], from: Origin): Naive => {
  const ranked = tenants.flatMap(({ id, bindings }) =>
    bindings.flatMap((b) => {
      const isMatch =
        b.channel === from.channel &&
        b.workspace === from.workspaceId &&
        (b.conversation === undefined || b.conversation === from.conversationId) &&
        (b.role === undefined || from.roles.includes(b.role)) &&
        (b.department === undefined || from.departments.includes(b.department));
      const rank = (b.conversation ? 100 : 0) + (b.role ? 10 : 0) + (b.department ? 1 : 0);
      return isMatch ? [{ id, rank }] : [];
    }),
  );
  const top = Math.max(...ranked.map(({ rank }) => rank));
  const ids = [...new Set(ranked.filter(({ rank }) => rank === top).map(({ id }) => id))].sort();
  const [id] = ids;
  if (id === undefined) return { kind: "unknown" };
  return ids.length > 1 ? { kind: "ambiguous", ids } : { kind: "tenant", id };
};

describe("a tenant", () => {
  const tenantOf = (changes: object) => indexOf([{ id: "a", ...changes }]).get("a");

  it("may use no skill when nothing is said", () => {
    expect(tenantOf({})?.skillVerdict({ name: "calculator", risk: "low" })).toBe("not_listed");
  });

  it("is answered by the built-in rules when no model is named", () => {
    expect(tenantOf({})).toMatchObject({ name: "a", provider: "rules", model: "" });
  });

  it("bears what the settings say", () => {
    expect(
      tenantOf({
        name: "行銷部",
        locale: "zh-Hant",
        time_zone: "Asia/Taipei",
        llm_config: { provider: "openai", model: "gpt-4o", max_tokens_per_request: 4096 },
        agents: [{ name: "writer", instructions: "You help." }],
      }),
    ).toMatchObject({
      name: "行銷部",
      locale: "zh-Hant",
      timeZone: "Asia/Taipei",
      provider: "openai",
      model: "gpt-4o",
      maxOutputTokens: 4096,
      agents: [{ name: "writer", instructions: "You help.", isOtherSystem: false }],
    });
  });

  it("knows where each of its models lies, and what its limits are", () => {
    expect(
      tenantOf({
        max_api_budget_monthly_usd: 500,
        rate_limits: { user_per_minute: 20 },
        contacts: ["finance@company.com"],
        llm_config: {
          ...{ provider: "qwen", model: "qwen-plus", data_residency: "domestic" },
          fallback: [{ provider: "deepseek", model: "deepseek-chat" }],
          sensitive: { provider: "ollama", model: "llama3" },
        },
      }),
    ).toMatchObject({
      ...{ region: "cn", dataResidency: "domestic", monthlyBudgetUsd: 500 },
      fallback: [{ provider: "deepseek", model: "deepseek-chat", region: "cn" }],
      sensitive: { provider: "ollama", model: "llama3", region: "on-prem" },
      rateLimits: { userPerMinute: 20, tenantPerMinute: 60_000 },
      contacts: ["finance@company.com"],
    });
  });

  it("has agents with models of their own, or the tenant's", () => {
    const agents = tenantOf({
      llm_config: { provider: "openai", model: "gpt-4o" },
      agents: [
        { name: "a", skills: ["x"] },
        { name: "b", skills: ["*"], model: "gpt-4o-mini" },
        { name: "c", provider: "qwen", model: "qwen-plus" },
        { name: "d", kind: "openclaw" },
      ],
    })?.agents;
    expect(agents).toEqual([
      { name: "a", skills: ["x"], isOtherSystem: false },
      {
        ...{ name: "b", isOtherSystem: false },
        asks: { provider: "openai", model: "gpt-4o-mini", region: "overseas" },
      },
      {
        ...{ name: "c", isOtherSystem: false },
        asks: { provider: "qwen", model: "qwen-plus", region: "cn" },
      },
      {
        ...{ name: "d", isOtherSystem: true },
        asks: { provider: "openclaw", model: "openclaw", region: "on-prem" },
      },
    ]);
  });

  it.each(["_platform", "__proto__", "constructor", "b"])("is not found under %s", (id) => {
    expect(indexOf([{ id: "a" }]).get(id)).toBeUndefined();
  });
});
