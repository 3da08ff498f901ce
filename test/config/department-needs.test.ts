import { describe, expect, it } from "vitest";
import { createDepartmentNeeds } from "../../config/department-needs.ts";
import { settingsSchema } from "../../config/schema.ts";

const needsOf = (settings: object) => createDepartmentNeeds(settingsSchema.parse(settings));
const binding = (more: object = {}) => ({ channel: "wechat_work", workspace: "wwcorp", ...more });
const boundBy = (...bindings: object[]) => ({ multi_tenant: { tenants: [{ id: "a", bindings }] } });
const withRoles = (rbac: object) => ({ enterprise: { rbac } });

describe("departments matter", () => {
  it("in a workspace where a binding names one, and in no other", () => {
    const needs = needsOf(boundBy(binding({ department: "2" }), binding({ workspace: "wwother" })));
    expect(needs("wechat_work", "wwcorp")).toBe(true);
    expect(needs("wechat_work", "wwother")).toBe(false);
    expect(needs("slack", "wwcorp")).toBe(false);
  });

  it("nowhere without such a binding", () => {
    expect(needsOf(boundBy(binding()))("wechat_work", "wwcorp")).toBe(false);
    expect(needsOf({})("wechat_work", "wwcorp")).toBe(false);
  });

  it("everywhere when a role is bound to one", () => {
    const role_bindings = [{ role: "auditor", departments: ["Audit"] }];
    expect(needsOf(withRoles({ role_bindings }))("wechat_work", "any")).toBe(true);
    expect(needsOf(withRoles({ enabled: false, role_bindings }))("wechat_work", "any")).toBe(false);
  });
});
