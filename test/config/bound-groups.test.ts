import { describe, expect, it } from "vitest";
import { createBoundGroups } from "../../config/bound-groups.ts";
import { notEnforced } from "../../config/not-enforced.ts";
import { settingsSchema } from "../../config/schema.ts";

const withGroups = (groups: readonly string[], more: object = {}) => ({
  enterprise: { rbac: { role_bindings: [{ role: "admin", groups }], ...more } },
});
const boundIn = (settings: object) => createBoundGroups(settingsSchema.parse(settings));

describe("groups that roles are bound to", () => {
  it("are asked for in their workspace only, and not while roles are not checked", () => {
    const groups = ["slack:T1:S1", "slack:T1:S1", "slack:T2:S2", "wechat_work:corp:7", "cn=agents"];
    const bound = boundIn(withGroups(groups));
    expect(bound("slack", "T1")).toEqual(["S1"]);
    expect(bound("slack", "T3")).toEqual([]);
    expect(bound("wechat_work", "corp")).toEqual(["7"]);
    expect(boundIn(withGroups(groups, { enabled: false }))("slack", "T1")).toEqual([]);
  });

  it("are enforced when a platform knows them, and said not to be when only an identity provider would", () => {
    expect(notEnforced(withGroups(["discord:G1:R1", "slack:T1:S1", "wechat_work:corp:7"]))).toEqual(
      [],
    );
    expect(notEnforced(withGroups(["slack:T1:S1", "cn=agents,dc=company"]))).toEqual([
      "enterprise.rbac.role_bindings[0].groups",
    ]);
  });
});
