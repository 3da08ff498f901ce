import { describe, expect, it, vi } from "vitest";
import { createRoleIndex } from "../../config/roles.ts";
import { settingsSchema } from "../../config/schema.ts";
import type { ChannelAdapter, Directory } from "../../core/contract/channel.ts";
import { createIdentify } from "../../core/identify.ts";
import { mayReview } from "../../core/stages/authorize.ts";
import { fakeChannel } from "../fakes/channel.ts";
import { textMessage } from "../fakes/messages.ts";

const nobody = async () => undefined;
const identifyWith = (groupsOf: NonNullable<Directory["groupsOf"]>, bound = ["S1", "S2"]) => {
  const channel: ChannelAdapter = {
    ...fakeChannel(),
    directory: { known: nobody, lookUp: nobody, groupsOf },
  };
  return createIdentify({
    adapters: new Map([["test", channel]]),
    asksForDepartments: () => false,
    boundGroups: () => bound,
  });
};

describe("the groups of a sender", () => {
  it("are asked for at each turn, those that roles are bound to only", async () => {
    const groupsOf = vi.fn(async () => ["S1"]);
    const { sender } = await identifyWith(groupsOf).ask(textMessage("m1"));
    expect(sender.groups).toEqual(["S1"]);
    expect(groupsOf.mock.calls).toEqual([
      [textMessage("m1"), ["S1", "S2"], expect.any(AbortSignal)],
    ]);
  });

  it("are not asked for where no role is bound to one", async () => {
    const groupsOf = vi.fn(async () => ["S1"]);
    expect((await identifyWith(groupsOf, []).ask(textMessage("m1"))).sender.groups).toBeUndefined();
    expect(groupsOf).not.toHaveBeenCalled();
  });

  it("attack: a group that was left while a message was held counts no longer", async () => {
    const held = textMessage("m1");
    const message = { ...held, sender: { ...held.sender, groups: ["S1"] } };
    expect((await identifyWith(async () => []).ask(message)).sender.groups).toEqual([]);
    expect((await identifyWith(async () => ["S1"], []).ask(message)).sender.groups).toEqual([]);
  });
});

describe("roles that are bound to groups", () => {
  const groups = ["test:T1:S1"].map((group) => group.replace("test", "discord"));
  const roles = createRoleIndex(
    settingsSchema.parse({
      enterprise: { rbac: { role_bindings: [{ role: "admin", groups }] } },
    }),
  );
  const from = (sender: object, workspaceId = "T1") => {
    const message = textMessage("m1");
    const who = { ...message.sender, roles: [], ...sender };
    return { ...message, channel: "discord", workspaceId, sender: who };
  };

  it("are had through a platform's role, a group, or a role where a direct chat finds the person", () => {
    expect(mayReview(roles, from({ roles: ["S1"] }))).toBe(true);
    expect(mayReview(roles, from({ groups: ["S1"] }))).toBe(true);
    const memberships = [{ workspaceId: "T1", roles: ["S1"] }];
    expect(mayReview(roles, from({ memberships }, ""))).toBe(true);
    expect(mayReview(roles, from({}))).toBe(false);
  });

  it("attack: a role of the same id in another workspace gives nothing", () => {
    expect(mayReview(roles, from({ roles: ["S1"] }, "T2"))).toBe(false);
    const memberships = [{ workspaceId: "T2", roles: ["S1"] }];
    expect(mayReview(roles, from({ memberships, roles: ["S1"] }, "T1"))).toBe(false);
  });
});
