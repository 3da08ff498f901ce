import { describe, expect, it } from "vitest";
import type { Content, Sender } from "../../../core/contract/message.ts";
import { outsiders } from "../../../core/stages/outsiders.ts";
import { contextOf, tenantWith } from "../../fakes/turn.ts";

const ANSWER = { kind: "text", markdown: "hello" } as const;
const TEXT: Content = { kind: "text", text: "hello" };
const EVENT: Content = {
  kind: "event",
  event: { name: "member_joined", platformName: "joined", fields: {} },
};

const decide = (sender: Partial<Sender>, allowsExternalUsers: boolean, content: Content = TEXT) => {
  const context = contextOf(content, tenantWith([], { allowsExternalUsers }));
  const message = { ...context.message, sender: { ...context.message.sender, ...sender } };
  return outsiders()({ ...context, message }, async () => ANSWER);
};

describe("outsiders", () => {
  it("lets the organisation's own people through", async () => {
    expect(await decide({}, false)).toEqual(ANSWER);
    expect(await decide({ isExternal: false }, false)).toEqual(ANSWER);
  });

  it("meets people of other organisations with silence unless the tenant takes them", async () => {
    const silence = { kind: "silence", reason: "SENDER_IS_EXTERNAL" };
    expect(await decide({ isExternal: true }, false)).toEqual(silence);
    expect(await decide({ isExternal: true }, true)).toEqual(ANSWER);
  });

  it("never lets a program talk to the agent, whatever the tenant takes", async () => {
    const silence = { kind: "silence", reason: "SENDER_IS_BOT" };
    expect(await decide({ isBot: true }, true)).toEqual(silence);
    expect(await decide({ isBot: true, isExternal: true }, true)).toEqual(silence);
  });

  it("lets the platform's own notices through", async () => {
    expect(await decide({ isBot: true }, false, EVENT)).toEqual(ANSWER);
  });
});
