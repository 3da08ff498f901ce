import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
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

const CUSTOMERS_PERMISSIONS = [
  ...["agent:create", "agent:update", "agent:delete", "skill:install", "skill:remove"],
  ...["agent:chat", "agent:view", "log:view", "audit:export", "content:review"],
];

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

  it("attack: a department of another corp does not pass for one that is named with its corp", () => {
    const index = indexOf(bindings({ role: "admin", departments: ["wechat_work:wwcorp:7"] }));
    const rolesIn = (workspaceId: string, ...departments: string[]) =>
      index.permissionsOf(someone({ workspaceId, departments })).roles;
    expect(rolesIn("wwcorp", "7", "Audit")).toEqual(["admin"]);
    expect(rolesIn("wwother", "7")).toEqual(["user"]);
    expect(rolesIn("wwother", "wechat_work:wwcorp:7")).toEqual(["user"]);
    expect(rolesIn("wwother", '["wechat_work","wwcorp","7"]')).toEqual(["user"]);
    expect(rolesIn("wwcorp", "8")).toEqual(["user"]);
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

  it("gives a role to whom the platform says to be in a group, in that workspace only", () => {
    const index = indexOf(
      bindings({ role: "admin", groups: ["discord:G1:R1", "slack:T1:S1", "cn=agents,dc=company"] }),
    );
    const rolesOf = (channel: string, ...groups: readonly string[]) =>
      index.permissionsOf(
        someone({
          ...{ channel, workspaceId: "elsewhere" },
          groups: groups.map((group) => {
            const [workspaceId = "", id = ""] = group.split(":");
            return { workspaceId, id };
          }),
        }),
      ).roles;
    expect(rolesOf("discord", "G1:R1")).toEqual(["admin"]);
    expect(rolesOf("slack", "T1:S2", "T1:S1")).toEqual(["admin"]);
    expect(rolesOf("slack", "T2:S1")).toEqual(["user"]);
    expect(rolesOf("slack", "G1:R1")).toEqual(["user"]);
    expect(rolesOf("wechat_work", ":cn=agents,dc=company")).toEqual(["user"]);
    expect(
      index.heldBy(someone({ channel: "slack", groups: [{ workspaceId: "T1", id: "S1" }] })),
    ).toEqual([
      { role: "admin", permissions: ["*"], through: "group", group: "slack:T1:S1", binding: 0 },
    ]);
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

  it("attack: nobody has a permission that no role of theirs names, nor lacks one that it does", () => {
    const names = ["admin", "agent_manager", "user", "auditor"] as const;
    const permission = fc.constantFrom(
      ...["*", "agent:*", "agent:chat", "agent:create", "skill:install", "log:view", "log:*"],
    );
    const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
    const role = fc.constantFrom(...names);
    const user = fc.constantFrom("slack:T1:U1", "slack:T1:U2", "wechat_work:wwcorp:lisi");
    const department = fc.constantFrom("7", "Sales");
    const roleBinding = fc.record({
      ...{ role, users: some(user), departments: some(department), groups: some(user) },
    });
    const rbac = fc.record({
      roles: fc.uniqueArray(fc.record({ name: role, permissions: some(permission) }), {
        selector: ({ name }) => name,
      }),
      role_bindings: some(roleBinding),
    });
    const wanted = fc.constantFrom(
      ...["agent:chat", "agent:create", "skill:install", "log:view", "audit:export", "logs:view"],
    );
    fc.assert(
      fc.property(rbac, user, some(department), wanted, (given, who, departments, asked) => {
        const [channel = "", workspaceId = "", senderId = ""] = who.split(":");
        const found = indexOf(given).permissionsOf(
          someone({ channel, workspaceId, senderId, departments }),
        );
        const bound = given.role_bindings
          .filter(
            (each) =>
              each.users.includes(who) || each.departments.some((of) => departments.includes(of)),
          )
          .map((each) => each.role);
        const mine = bound.length > 0 ? bound : ["user"];
        const named = given.roles
          .filter(({ name }) => mine.includes(name))
          .flatMap(({ permissions }) => permissions);
        const area = `${asked.split(":")[0]}:*`;
        expect(found.roles).toEqual([...new Set(mine)].sort());
        expect(found.has(asked)).toBe(["*", area, asked].some((each) => named.includes(each)));
      }),
    );
  });

  it("says which binding gives a role, and to whom", () => {
    const index = indexOf(
      bindings(
        { role: "auditor", departments: ["稽核室"] },
        { role: "admin", users: ["wechat_work:wwcorp:lisi"] },
      ),
    );
    expect(index.heldBy(someone({ departments: ["稽核室"] }))).toEqual([
      { role: "admin", permissions: ["*"], through: "user", binding: 1 },
      {
        ...{ role: "auditor", permissions: ["log:view", "audit:export"] },
        ...{ through: "department", department: "稽核室", binding: 0 },
      },
    ]);
    expect(index.heldBy(someone({ senderId: "wei" }))).toMatchObject([
      { role: "user", through: "default" },
    ]);
  });

  it("gives the customer's roles as they are written exactly what they name", () => {
    const { roles } = JSON.parse(
      readFileSync(join(import.meta.dirname, "../fixtures/settings/enterprise.json"), "utf8"),
    ).enterprise.rbac;
    for (const { name, permissions } of roles as { name: string; permissions: string[] }[]) {
      const index = indexOf({ roles, ...bindings({ role: name, departments: ["d"] }) });
      const { has } = index.permissionsOf(someone({ departments: ["d"] }));
      for (const asked of CUSTOMERS_PERMISSIONS) {
        expect([name, asked, has(asked)]).toEqual([
          ...[name, asked, permissions.includes("*") || permissions.includes(asked)],
        ]);
      }
    }
  });

  it("gives no role for a group: groups cannot be looked up yet", () => {
    const index = indexOf(bindings({ role: "admin", groups: ["wechat_work:wwcorp:lisi"] }));
    expect(
      index.permissionsOf(someone({ departments: ["wechat_work:wwcorp:lisi"] })).roles,
    ).toEqual(["user"]);
  });
});
