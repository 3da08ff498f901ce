import { describe, expect, it } from "vitest";
import type { InboundMessage } from "../../core/contract/message.ts";
import type { InboxEntry } from "../../core/delivery/inbox.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { createDecider } from "../../core/turn.ts";
import { TurnSignal } from "../../core/turn-signal.ts";
import { fakeChannel } from "../fakes/channel.ts";
import { recordedLog } from "../fakes/log.ts";
import { textMessage } from "../fakes/messages.ts";
import { tenantWith } from "../fakes/turn.ts";

const tenant = tenantWith([]);
const file = { kind: "file", name: "a.csv", ref: "1" } as const;

/** The attachments that a turn of the message sees, and how often the channel was asked. */
const turnOf = async (message: InboundMessage) => {
  let asked = 0;
  const channel = {
    ...fakeChannel(),
    complete: async (told: InboundMessage): Promise<InboundMessage> => {
      asked += 1;
      const content = { kind: "text", text: "hi", attachments: [file] } as const;
      return { ...told, content };
    },
  };
  const seen: unknown[] = [];
  const decider = createDecider({
    adapters: new Map([[message.channel, channel]]),
    rules: () => ({
      tenants: { get: () => tenant, resolve: () => ({ kind: "tenant", tenant }) },
      pipeline: async ({ message: { content } }) => {
        seen.push(content.kind === "text" ? content.attachments : content.kind);
        return { kind: "silence", reason: "test" };
      },
    }),
    identify: { isSettled: () => true },
    log: recordedLog(),
    now: () => new Date(),
  });
  const scope = tenantScope(tenant.id);
  const entry: InboxEntry = {
    ...{ id: 1, lane: "l", scope, message, attempt: 1, receivedAt: new Date() },
  };
  await decider.decide(entry, decider.find(message), new TurnSignal());
  return { seen, asked };
};

describe("a message whose platform tells of it in two ways", () => {
  it("is completed by its channel before its turn", async () => {
    const message = textMessage("m1", "hi");
    const content = { kind: "text", text: "hi", isPartial: true } as const;
    expect(await turnOf({ ...message, content })).toEqual({ seen: [[file]], asked: 1 });
  });

  it("is left alone where it is whole, or a stranger's, who is not answered", async () => {
    const message = textMessage("m1", "hi");
    expect(await turnOf(message)).toEqual({ seen: [undefined], asked: 0 });
    const content = { kind: "text", text: "hi", isPartial: true } as const;
    const sender = { ...message.sender, isExternal: true };
    expect(await turnOf({ ...message, content, sender })).toEqual({ seen: [undefined], asked: 0 });
  });
});
