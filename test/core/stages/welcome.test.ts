import { describe, expect, it, vi } from "vitest";
import type { InboundEvent } from "../../../core/contract/message.ts";
import type { Skill } from "../../../core/contract/skill.ts";
import { createContentCipher } from "../../../core/keys/content-cipher.ts";
import { createKeyFile } from "../../../core/keys/key-file.ts";
import { addressedIn } from "../../../core/named-agents.ts";
import type { Context } from "../../../core/stage.ts";
import { welcome } from "../../../core/stages/welcome.ts";
import { suggestionsFor } from "../../../core/suggestions.ts";
import { createWelcomed } from "../../../core/welcomed.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { contextOf, tenantWith } from "../../fakes/turn.ts";

const folder = temporaryFolder();

const skillNamed = (name: string): Skill => ({
  ...{ name, description: name, instructions: "", folder: "/", digest: "", risk: "low" },
  files: new Map(),
  ...{ egress: [], secrets: [], limits: {} },
});

const arrival = (name: InboundEvent["name"] = "app_opened") =>
  contextOf({ kind: "event", event: { name, platformName: "enter_agent", fields: {} } });

const stageWith = (skills: readonly string[], may = true, isFirst = true) => {
  const stage = welcome({
    roles: { permissionsOf: () => ({ roles: [], has: () => may }) },
    skills: { allowedFor: () => skills.map(skillNamed) },
    welcomed: { markToday: async () => isFirst },
  });
  return (context: Parameters<typeof stage>[0]) =>
    stage(context, async () => ({ kind: "silence", reason: "NEXT" }));
};

describe("a welcome", () => {
  it.each([
    [
      "en",
      "Hello, I am the assistant of Sales. I can use these skills: a, b. Just write what you need.",
    ],
    ["zh-Hant", "您好，我是Sales的助理。我會使用這些技能：a、b。請直接輸入您的需求。"],
    ["zh-Hans", "您好，我是Sales的助理。我会使用这些技能：a、b。请直接输入您的需求。"],
  ] as const)("names tenant and skills in %s", async (locale, markdown) => {
    const reply = await stageWith(["a", "b"])({ ...arrival(), locale });
    expect(reply).toEqual({ kind: "text", markdown });
  });

  it("names five of many skills", async () => {
    const reply = await stageWith(["a", "b", "c", "d", "e", "f"])(arrival());
    expect(reply).toMatchObject({ markdown: expect.stringContaining("a, b, c, d, e and more.") });
  });

  it("says nothing of skills where there are none", async () => {
    expect(await stageWith([])(arrival("member_joined"))).toEqual({
      kind: "text",
      markdown: "Hello, I am the assistant of Sales. Just write what you need.",
    });
  });

  it("is not said to who would be refused, nor to the platform itself, nor for other events", async () => {
    const passedOn = { kind: "silence", reason: "NEXT" };
    expect(await stageWith([], false)(arrival())).toEqual(passedOn);
    expect(await stageWith([])(arrival("location_reported"))).toEqual(passedOn);
    const context = arrival();
    const sender = { ...context.message.sender, isBot: true };
    expect(await stageWith([])({ ...context, message: { ...context.message, sender } })).toEqual(
      passedOn,
    );
  });

  it("is not said again the same day", async () => {
    const reply = await stageWith([], true, false)(arrival());
    expect(reply).toEqual({ kind: "silence", reason: "WELCOMED_TODAY" });
  });

  describe("suggests what to ask", () => {
    const suggestedTo = async (
      context: ReturnType<typeof arrival>,
      stage: ReturnType<typeof stageWith>,
    ) => {
      const suggest = vi.fn<NonNullable<Context["suggest"]>>();
      await stage({ ...context, suggest });
      return suggest.mock.calls.map(([suggestions]) => suggestions.map(({ title }) => title));
    };

    it.each([
      ["en", ["What can you do?", "Ask @writer", "Use a", "Use b"]],
      ["zh-Hant", ["您能做什麼？", "詢問 @writer", "使用 a", "使用 b"]],
      ["zh-Hans", ["您能做什么？", "询问 @writer", "使用 a", "使用 b"]],
    ] as const)("in %s, also to whoever was greeted today", async (locale, titles) => {
      const agents = ["desk", "writer"].map((name) => ({ name, isOtherSystem: false }));
      const context = { ...arrival(), locale, tenant: tenantWith([], { agents }) };
      expect(await suggestedTo(context, stageWith(["a", "b"], true, false))).toEqual([titles]);
    });

    it("in words that reach the agent and the skill that they name", async () => {
      const agents = ["desk", "writer"].map((name) => ({ name, isOtherSystem: false }));
      const tenant = tenantWith([], { agents });
      const suggestions = suggestionsFor({ tenant, locale: "en" }, ["report"]);
      const [, toAgent, ofSkill] = suggestions.map(({ text }) => text);
      expect(addressedIn(toAgent ?? "", agents).agent?.name).toBe("writer");
      expect(ofSkill).toContain("report");
    });

    it("to nobody who would be refused, and not to who joins a room", async () => {
      expect(await suggestedTo(arrival(), stageWith(["a"], false))).toEqual([]);
      expect(await suggestedTo(arrival("member_joined"), stageWith(["a"]))).toEqual([]);
    });
  });

  it("speaks of the tenant by the name that the settings give it", async () => {
    const context = { ...arrival(), tenant: tenantWith([], { name: "$& Co" }) };
    expect(await stageWith([])(context)).toMatchObject({
      markdown: expect.stringContaining("of $& Co."),
    });
  });
});

describeStores("who was welcomed", (world) => {
  it("is known for a day, by tenant, application and person, and then forgotten", async () => {
    let time = Date.UTC(2026, 0, 1);
    const now = () => new Date(time);
    const { store } = world;
    const keys = createKeyFile(`${folder.path}/master.key`, now);
    const cipher = await createContentCipher({ store, keys, now, log: recordedLog() });
    const welcomed = createWelcomed({ store, cipher, now });
    const wei = textMessage("m1");
    const other = { ...wei, target: { ...wei.target, appId: "2" } };
    expect(await welcomed.markToday("sales", wei)).toBe(true);
    expect(await welcomed.markToday("sales", wei)).toBe(false);
    expect(await welcomed.markToday("legal", wei)).toBe(true);
    expect(await welcomed.markToday("sales", other)).toBe(true);
    expect(await welcomed.markToday("sales", textMessage("m2", "hi", "ann"))).toBe(true);
    time += 24 * 60 * 60_000;
    expect(await welcomed.markToday("sales", wei)).toBe(true);
    const rows = await world.sql("SELECT key FROM channel_state WHERE tenant_id = 'sales'");
    expect(rows).toHaveLength(1);
  });
});
