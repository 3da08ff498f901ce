import { describe, expect, it } from "vitest";
import { createRoleIndex, type Principal } from "../../config/roles.ts";
import { settingsSchema } from "../../config/schema.ts";

const indexOf = (rbac?: object) =>
  createRoleIndex(settingsSchema.parse({ enterprise: rbac ? { rbac } : {} }));

const someone = (changes: Partial<Principal> = {}): Principal => ({
  channel: "wechat_work",
  workspaceId: "wwcorp",
  senderId: "lisi",
  departments: [],
  ...changes,
});

const bindings = (...role_bindings: object[]) => ({ role_bindings });

describe("permissionsOf", () => {
  it("gives everyone the role user, built in without an rbac block", () => {
    const permissions = indexOf().permissionsOf(someone());
    expect(permissions.roles).toEqual(["user"]);
    expect(permissions.has("agent:chat")).toBe(true);
    expect(permissions.has("agent:create")).toBe(false);
    expect(permissions.has("*")).toBe(false);
  });

  it("finds a WeCom user whatever the case of the id, in that corp only", () => {
    const index = indexOf(bindings({ role: "admin", users: ["wechat_work:wwcorp:LiSi"] }));
    expect(index.permissionsOf(someone()).has("skill:remove")).toBe(true);
    expect(index.permissionsOf(someone({ senderId: "LISI" })).roles).toEqual(["admin"]);
    expect(index.permissionsOf(someone({ workspaceId: "WWCORP" })).roles).toEqual(["user"]);
    expect(index.permissionsOf(someone({ channel: "slack" })).roles).toEqual(["user"]);
  });

  it("minds the case of user ids of other platforms", () => {
    const index = indexOf(bindings({ role: "admin", users: ["slack:T1:U1"] }));
    const from = someone({ channel: "slack", workspaceId: "T1" });
    expect(index.permissionsOf({ ...from, senderId: "U1" }).roles).toEqual(["admin"]);
    expect(index.permissionsOf({ ...from, senderId: "u1" }).roles).toEqual(["user"]);
  });

  it("does not let an id with a colon pass for someone of another workspace", () => {
    const index = indexOf(bindings({ role: "admin", users: ["slack:T1:x:U1"] }));
    const from = someone({ channel: "slack" });
    expect(index.permissionsOf({ ...from, workspaceId: "T1", senderId: "x:U1" }).roles).toEqual([
      "admin",
    ]);
    expect(index.permissionsOf({ ...from, workspaceId: "T1:x", senderId: "U1" }).roles).toEqual([
      "user",
    ]);
  });

  it("adds up the roles of a person and of the departments, without user", () => {
    const index = indexOf(
      bindings(
        { role: "auditor", departments: ["稽核室"] },
        { role: "agent_manager", users: ["wechat_work:wwcorp:lisi"] },
      ),
    );
    const permissions = index.permissionsOf(someone({ departments: ["7", "稽核室"] }));
    expect(permissions.roles).toEqual(["agent_manager", "auditor"]);
    expect(permissions.has("log:view") && permissions.has("skill:install")).toBe(true);
    expect(permissions.has("agent:chat")).toBe(false);
  });

  it("lets nobody do anything when the role user is not there", () => {
    const index = indexOf({ roles: [{ name: "boss", permissions: ["*"] }] });
    expect(index.permissionsOf(someone()).has("agent:chat")).toBe(false);
  });

  it("knows * for everything and area:* for an area", () => {
    const roles = [
      { name: "user", permissions: ["agent:*"] },
      { name: "admin", permissions: ["*"] },
    ];
    const index = indexOf({ roles, ...bindings({ role: "admin", departments: ["it"] }) });
    expect(index.permissionsOf(someone()).has("agent:delete")).toBe(true);
    expect(index.permissionsOf(someone()).has("agents:delete")).toBe(false);
    expect(index.permissionsOf(someone({ departments: ["it"] })).has("log:view")).toBe(true);
  });

  it("skips the check with enabled: false", () => {
    const index = indexOf({ enabled: false, roles: [] });
    expect(index.permissionsOf(someone()).has("agent:chat")).toBe(true);
  });

  it("gives no role for a group: groups cannot be looked up yet", () => {
    const index = indexOf(bindings({ role: "admin", groups: ["wechat_work:wwcorp:lisi"] }));
    expect(
      index.permissionsOf(someone({ departments: ["wechat_work:wwcorp:lisi"] })).roles,
    ).toEqual(["user"]);
  });
});
