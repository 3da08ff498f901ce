import { describe, expect, it } from "vitest";
import { load, problemsOf } from "./workspace.ts";

const TENANT = { id: "sales", bindings: [{ channel: "slack", workspace: "T1" }] };
const tenants = (...more: object[]) => ({ multi_tenant: { tenants: [TENANT, ...more] } });
const rbac = (block: object) => ({ ...tenants(), enterprise: { rbac: block } });
const paths = (settings: object) => problemsOf(settings).map(({ path }) => path);

/** What is said of the settings beyond what is said of the tenant alone. */
const warningsOf = (settings: object): readonly string[] => {
  const usual = load(tenants()).warnings;
  return load(settings).warnings.filter((warning) => !usual.includes(warning));
};

describe("a binding", () => {
  it.each(["workspace", "conversation", "role", "department"])(
    "attack: does not fall back to a broader tenant for a space behind its %s",
    (part) => {
      for (const slip of [" x", "x ", "x\n", "x\u200b", "\ufeffx"]) {
        const binding = { channel: "slack", workspace: "T2", [part]: slip };
        expect(paths(tenants({ id: "eng", bindings: [binding] }))).toEqual([
          `multi_tenant.tenants[1].bindings[0].${part}`,
        ]);
      }
    },
  );

  it("may have spaces within the name of a department", () => {
    const binding = { channel: "wechat_work", workspace: "ww1", department: "After sales" };
    expect(paths(tenants({ id: "eng", bindings: [binding] }))).toEqual([]);
  });

  it("is warned of where its channel never tells what it asks for", () => {
    const of = (channel: string, part: string) =>
      warningsOf(tenants({ id: "e", bindings: [{ channel, workspace: "X", [part]: "7" }] })).filter(
        (warning) => warning.includes("nobody is met"),
      );
    expect(of("slack", "department")).toMatchObject([
      expect.stringMatching(/tenants\[1\]\.bindings\[0\]\.department: .*wechat_work alone/),
    ]);
    expect(
      [of("discord", "department"), of("wechat_work", "role")].map((each) => each.length),
    ).toEqual([1, 1]);
    expect([of("wechat_work", "department"), of("discord", "role")]).toEqual([[], []]);
  });
});

describe("two agents of a tenant", () => {
  it("are told apart by more than case, as they are addressed", () => {
    const agents = [{ name: "writer" }, { name: "Writer" }];
    expect(paths({ multi_tenant: { tenants: [{ ...TENANT, agents }] } })).toEqual([
      "multi_tenant.tenants[0].agents[1].name",
    ]);
  });
});

describe("a role", () => {
  const bound = (to: object) => rbac({ role_bindings: [{ role: "admin", ...to }] });

  it("attack: is not lost, with what it forbids, for a space in whom it is bound to", () => {
    for (const user of ["slack:T1:U1 ", "slack:T1: U1", "slack: T1:U1", "slack:T1 :U1"]) {
      expect(paths(bound({ users: [user] }))).toEqual([
        "enterprise.rbac.role_bindings[0].users[0]",
      ]);
    }
    expect(paths(bound({ departments: ["Audit "] }))).toHaveLength(1);
    expect(paths(bound({ groups: ["slack:T1:S1\n"] }))).toHaveLength(1);
    expect(paths(bound({ users: ["slack:T1:U1"], departments: ["After sales"] }))).toEqual([]);
  });

  it("is warned of where it is bound to nobody, or in a workspace that no tenant has", () => {
    expect(warningsOf(bound({}))).toEqual([
      expect.stringMatching(/role_bindings\[0\]: it names no users, departments or groups/),
    ]);
    expect(warningsOf(bound({ users: ["slack:T2:U1", "slack:T1:U1"] }))).toEqual([
      expect.stringMatching(/role_bindings\[0\]\.users\[0\]: no tenant has a binding to slack T2/),
    ]);
    expect(warningsOf(bound({ groups: ["discord:G1:7"] }))).toEqual([
      expect.stringMatching(/role_bindings\[0\]\.groups\[0\]: no tenant .* discord G1/),
    ]);
    expect(warningsOf(bound({ departments: ["Audit"] }))).toEqual([]);
  });

  it("is warned of where it counts in the departments of several corps", () => {
    const corp = (workspace: string) => ({ channel: "wechat_work", workspace });
    const of = (...corps: string[]) =>
      warningsOf({
        multi_tenant: {
          tenants: [{ ...TENANT, bindings: [...TENANT.bindings, ...corps.map(corp)] }],
        },
        enterprise: {
          rbac: { role_bindings: [{ role: "admin", departments: ["7", "wechat_work:ww1:8"] }] },
        },
      }).filter((warning) => warning.includes("departments"));
    expect(of("ww1")).toEqual([]);
    expect(of("ww1", "ww2")).toEqual([
      expect.stringMatching(
        /departments\[0\]: 7 counts in each of ww1, ww2; write wechat_work:CORP:7/,
      ),
    ]);
    expect(of("ww2")).toEqual([
      expect.stringMatching(/departments\[1\]: no tenant has a binding to wechat_work ww1/),
    ]);
  });

  it("is warned of where it has a permission that nobody asks for", () => {
    const of = (...permissions: string[]) =>
      warningsOf(rbac({ roles: [{ name: "user", permissions }] }));
    expect(of("agent:chta")).toEqual([
      expect.stringMatching(
        /roles\[0\]\.permissions\[0\]: .*agent:chta; did you mean agent:chat\?$/,
      ),
    ]);
    expect(of("agnet:*")).toEqual([expect.stringContaining("nothing asks people for agnet:*")]);
    expect(of("*", "agent:*", "content:review", "log:view", "skill:remove")).toEqual([]);
  });

  it("is said to be asked for by nobody where the check is off", () => {
    expect(warningsOf(rbac({ enabled: false }))).toEqual([
      expect.stringMatching(/^enterprise\.rbac\.enabled: false: .*release what is held/),
    ]);
  });
});

describe("moderation", () => {
  const lexicons = [{ name: "house", file: "house.json" }];
  const files = { "house.json": '{"terms":[]}' };

  it("is warned of where a lexicon is no tenant's: its terms are looked for nowhere", () => {
    expect(load({ ...tenants(), moderation: { lexicons } }, {}, files).warnings).toContainEqual(
      expect.stringMatching(/^moderation\.lexicons\[0\]\.name: no tenant names house/),
    );
    const using = { multi_tenant: { tenants: [{ ...TENANT, lexicons: ["house"] }] } };
    expect(warningsOf({ ...using, moderation: { lexicons } })).toEqual([]);
  });

  it("is warned of where it is required and there is no classifier to require", () => {
    expect(warningsOf({ ...tenants(), moderation: { required: true } })).toEqual([
      expect.stringMatching(/^moderation\.required: true, and moderation\.classifiers is empty/),
    ]);
    const strict = { multi_tenant: { tenants: [{ ...TENANT, moderation: { required: true } }] } };
    expect(warningsOf(strict)).toEqual([
      expect.stringMatching(/^multi_tenant\.tenants\[0\]\.moderation\.required: true, and/),
    ]);
    expect(warningsOf({ ...tenants(), moderation: { required: false } })).toEqual([]);
  });
});
