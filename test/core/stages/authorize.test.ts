import { describe, expect, it } from "vitest";
import { createRoleIndex } from "../../../config/roles.ts";
import { settingsSchema } from "../../../config/schema.ts";
import type { Sender } from "../../../core/contract/message.ts";
import { authorize } from "../../../core/stages/authorize.ts";
import { textContext } from "../../fakes/turn.ts";

const GUILD = "900000000000000001";
const ANSWER = { kind: "text", markdown: "hello" } as const;

const roles = createRoleIndex(
  settingsSchema.parse({
    enterprise: {
      rbac: {
        roles: [
          { name: "user", permissions: ["agent:chat"] },
          { name: "auditor", permissions: ["log:view"] },
          { name: "reviewer", permissions: ["content:review"] },
        ],
        role_bindings: [
          { role: "auditor", users: [`discord:${GUILD}:7`] },
          { role: "reviewer", users: [`discord:${GUILD}:8`] },
        ],
      },
    },
  }),
);

/** What somebody is told who writes to the bot outside every server. */
const inDirectChat = async (id: string, text: string, ...guilds: readonly string[]) => {
  const context = textContext(text);
  const sender: Sender = {
    ...{ ...context.message.sender, id },
    memberships: guilds.map((workspaceId) => ({ workspaceId, roles: [] })),
  };
  const message = { ...context.message, channel: "discord", workspaceId: "", sender };
  const reply = await authorize(roles)({ ...context, message }, async () => ANSWER);
  return reply.kind === "refusal" ? reply.code : reply.kind;
};

describe("authorize", () => {
  it("attack: a direct chat on Discord, which lies in no server, does not shed the role that a server's member was given", async () => {
    expect(await inDirectChat("7", "hello", GUILD)).toBe("NOT_PERMITTED");
    expect(await inDirectChat("9", "hello", GUILD)).toBe("text");
  });

  it("lets a reviewer by name decide in a direct chat, where what is held is shown", async () => {
    expect(await inDirectChat("8", "/review", GUILD)).toBe("text");
    expect(await inDirectChat("9", "/review", GUILD)).toBe("NOT_PERMITTED");
  });

  it("attack: a role counts nowhere that its server does not vouch for", async () => {
    expect(await inDirectChat("8", "/review", "900000000000000002")).toBe("NOT_PERMITTED");
    expect(await inDirectChat("8", "/review")).toBe("NOT_PERMITTED");
  });
});
