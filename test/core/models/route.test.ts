import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Region } from "../../../config/presets.ts";
import type { ModelChoice, Tenant } from "../../../config/tenant.ts";
import { modelsFor } from "../../../core/models/route.ts";
import { allowedRegions } from "../../../core/residency.ts";
import { contextOf, tenantWith } from "../../fakes/turn.ts";

const at = (provider: string, region: Region): ModelChoice => ({ provider, model: "m", region });
const REGIONS = ["on-prem", "cn", "overseas"] as const;
const text = (words: string) => ({ kind: "text", text: words }) as const;
const CALCULATOR = { name: "calculator", description: "Calculates sums.", parameters: {} };

const tenant = (more: Partial<Tenant> = {}) =>
  tenantWith([], {
    ...at("main", "overseas"),
    fallback: [at("second", "cn"), at("third", "on-prem")],
    ...more,
  });
const routed = (who: Tenant, { words = "hello", isSensitive = false } = {}) =>
  modelsFor({ ...contextOf(text(words), who), isSensitive }, [CALCULATOR]).map(
    ({ provider }) => provider,
  );

describe("the models of a turn", () => {
  it("are the tenant's own and its fallbacks, in order, each once", () => {
    expect(routed(tenant())).toEqual(["main", "second", "third"]);
    expect(routed(tenant({ fallback: [at("main", "overseas"), at("x", "cn")] }))).toEqual([
      "main",
      "x",
    ]);
  });

  it.each([
    ["on-prem", ["third"]],
    ["domestic", ["second", "third"]],
    ["any", ["main", "second", "third"]],
  ] as const)("lie within a residency of %s", (dataResidency, expected) => {
    expect(routed(tenant({ dataResidency }))).toEqual(expected);
  });

  it("begin with the one for personal data, and stay in its region or on-prem", () => {
    const sensitive = at("private", "on-prem");
    expect(routed(tenant({ sensitive }), { isSensitive: true })).toEqual(["private", "third"]);
    expect(routed(tenant({ sensitive: at("private", "cn") }), { isSensitive: true })).toEqual([
      "private",
      "second",
      "third",
    ]);
    expect(routed(tenant({ sensitive }))).toEqual(["main", "second", "third"]);
    expect(routed(tenant(), { isSensitive: true })).toEqual(["main", "second", "third"]);
  });

  it("begin with the light one only for a short line that no skill fits", () => {
    const who = tenant({ light: at("light", "overseas") });
    const first = (words: string) => routed(who, { words })[0];
    expect(first("good morning")).toBe("light");
    expect(first("please use the calculator: 3*4")).toBe("main");
    expect(first("one\ntwo")).toBe("main");
    expect(first("word ".repeat(40))).toBe("main");
    const quoted = contextOf({ ...text("really?"), quote: "a long story" }, who);
    expect(modelsFor(quoted, [])[0]?.provider).toBe("main");
    const file = { kind: "file", name: "a.txt", ref: "r" } as const;
    const withFile = contextOf({ ...text("read it"), attachments: [file] }, who);
    expect(modelsFor(withFile, [])[0]?.provider).toBe("main");
    expect(routed({ ...who, sensitive: at("private", "on-prem") }, { isSensitive: true })[0]).toBe(
      "private",
    );
  });

  it("are no others when another agent system answers, and none where it must not hear it", () => {
    const who = tenant({ isOtherSystem: true, sensitive: at("private", "on-prem") });
    expect(routed(who)).toEqual(["main"]);
    expect(routed(who, { isSensitive: true })).toEqual([]);
  });

  it("never lie outside what residency allows, whatever the settings name", () => {
    const choice = fc.record({
      provider: fc.constantFrom("a", "b", "c", "d"),
      model: fc.constant("m"),
      region: fc.constantFrom(...REGIONS),
    });
    const some = fc.option(choice, { nil: undefined });
    fc.assert(
      fc.property(
        choice,
        fc.array(choice, { maxLength: 4 }),
        some,
        some,
        fc.constantFrom("on-prem", "domestic", "any"),
        fc.boolean(),
        fc.boolean(),
        (main, fallback, light, sensitive, dataResidency, isSensitive, isOtherSystem) => {
          const who = tenantWith([], {
            ...{ ...main, fallback, dataResidency, isOtherSystem },
            ...(light && { light }),
            ...(sensitive && { sensitive }),
          });
          const context = { ...contextOf(text("hello"), who), isSensitive };
          const regions = allowedRegions(context);
          for (const { region } of modelsFor(context, [])) expect(regions.has(region)).toBe(true);
        },
      ),
    );
  });
});

describe("residency", () => {
  const regions = (
    dataResidency: Tenant["dataResidency"],
    sensitive?: Region,
    isSensitive = true,
  ) =>
    [
      ...allowedRegions({
        tenant: tenantWith([], {
          dataResidency,
          ...(sensitive && { sensitive: at("s", sensitive) }),
        }),
        isSensitive,
      }),
    ].join(" ");

  it.each([
    ["any", undefined, true, "on-prem cn overseas"],
    ["any", "on-prem", false, "on-prem cn overseas"],
    ["any", "on-prem", true, "on-prem"],
    ["any", "cn", true, "on-prem cn"],
    ["any", "overseas", true, "on-prem overseas"],
    ["domestic", "cn", true, "on-prem cn"],
    ["domestic", "on-prem", true, "on-prem"],
    ["on-prem", "cn", true, "on-prem"],
    ["on-prem", undefined, true, "on-prem"],
  ] as const)(
    "%s with a model for personal data in %s, personal: %s",
    (residency, where, isSensitive, expected) => {
      expect(regions(residency, where, isSensitive)).toBe(expected);
    },
  );
});
