import { describe, expect, it } from "vitest";
import { reviewerWarnings } from "../../cli/reviewers.ts";
import { settingsSchema } from "../../config/schema.ts";
import { createLexicon } from "../../core/safety/moderation/lexicon.ts";

const term = (action: "review" | "block") => ({ id: action, term: "casino", action });
const lexicons = new Map([
  ["held", createLexicon([term("review")], "held")],
  ["blocked", createLexicon([term("block")], "blocked")],
]);
const bound = (workspace: string) => [{ channel: "slack", workspace }];

const warned = (rbac: object | undefined, more: object = {}) =>
  reviewerWarnings(
    settingsSchema.parse({
      multi_tenant: {
        tenants: [
          { id: "sales", lexicons: ["held"], bindings: bound("T1") },
          { id: "legal", lexicons: ["blocked"], bindings: bound("T2") },
        ],
      },
      ...(rbac && { enterprise: { rbac } }),
      ...more,
    }),
    lexicons,
  ).map((text) => /^tenant (\w+) can hold/.exec(text)?.[1]);

const roles = [
  { name: "user", permissions: ["agent:chat"] },
  { name: "reviewer", permissions: ["content:review"] },
];
const bindings = (more: object) => ({ roles, role_bindings: [{ role: "reviewer", ...more }] });

describe("a warning that nobody reviews", () => {
  it("names the tenants that can hold something, where no binding gives the permission", () => {
    expect(warned(undefined)).toEqual(["sales"]);
    expect(warned({ roles })).toEqual(["sales"]);
    expect(warned({ roles, role_bindings: [{ role: "user", users: ["slack:T1:U1"] }] })).toEqual([
      "sales",
    ]);
    const classifiers = [{ kind: "openai", provider: "openai" }];
    expect(warned(undefined, { moderation: { classifiers } })).toEqual(["sales", "legal"]);
  });

  it("is not given where a person of the tenant's workspace, or a department, may review", () => {
    expect(warned(bindings({ users: ["slack:T1:U1"] }))).toEqual([]);
    expect(warned(bindings({ users: ["slack:T9:U1"] }))).toEqual(["sales"]);
    expect(warned(bindings({ departments: ["Compliance"] }))).toEqual([]);
    expect(warned(bindings({ departments: ["slack:T1:Compliance"] }))).toEqual([]);
    expect(warned(bindings({ departments: ["slack:T9:Compliance"] }))).toEqual(["sales"]);
    expect(warned({ enabled: false })).toEqual([]);
    expect(warned({ role_bindings: [{ role: "admin", users: ["slack:T1:U1"] }] })).toEqual([]);
  });
});
