import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TenantIndex } from "../../../config/tenant.ts";
import { OverloadError } from "../../../core/contract/errors.ts";
import type { InboundMessage } from "../../../core/contract/message.ts";
import type { Locale } from "../../../core/contract/model.ts";
import {
  type CoreGateway,
  type CoreGatewayOptions,
  coreGateway,
  tenantByRole,
} from "../../fakes/core-gateway.ts";
import { eventually } from "../../fakes/eventually.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type Thinking, thinking } from "../../fakes/thinking.ts";
import { tenantWith } from "../../fakes/turn.ts";

const folder = temporaryFolder();
const LOOK_EVERY_MS = 25;

let mind: Thinking;
beforeEach(() => {
  mind = thinking();
});

const speaking = (locale: Locale): TenantIndex => {
  const tenant = tenantWith([], { locale });
  return { get: () => tenant, resolve: () => ({ kind: "tenant", tenant }) };
};
const byRole = tenantByRole("none");
const inRoom = (id: string, text: string, tenant: string): InboundMessage => ({
  ...textMessage(id, text),
  conversation: { id: "room", kind: "group" },
  sender: { ...textMessage(id).sender, roles: [tenant] },
});

describeStores("/stop", (world) => {
  let gateways: CoreGateway[] = [];
  const start = async (options: Partial<CoreGatewayOptions> = {}): Promise<CoreGateway> => {
    const gateway = await coreGateway({
      ...{ store: world.store, folder: folder.path, pipeline: mind.pipeline },
      ...options,
    });
    gateways.push(gateway);
    return gateway;
  };
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop();
    gateways = [];
  });
  const bodies = () =>
    gateways.flatMap(({ channel }) => channel.sent.map((part) => [part.target.replyTo, part.body]));
  const state = async (key: string) =>
    (await world.sql(`SELECT state FROM inbox WHERE key = '${key}'`))[0]?.state;
  /** A gateway in which this person's message is being answered. */
  const busy = async (options: Partial<CoreGatewayOptions> = {}) => {
    const gateway = await start(options);
    await gateway.receive(textMessage("m1", "a long question"));
    await eventually(() => expect(mind.begun).toEqual(["m1"]));
    return gateway;
  };

  it("ends the running turn with silence and is answered itself, both on record", async () => {
    const gateway = await busy();
    await gateway.receive(textMessage("s1", "/stop"));
    await eventually(async () =>
      expect([await state("m1"), await state("s1")]).toEqual(["done", "done"]),
    );
    expect(bodies()).toEqual([["s1", "Stopped."]]);
    expect(
      gateway.records.map(({ message, decision, code }) => [message?.id, decision, code]),
    ).toEqual(
      expect.arrayContaining([
        ["m1", "silent", "STOPPED"],
        ["s1", "answered", "OK"],
      ]),
    );
    expect(gateway.log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("does not wait for a slot when its tenant's turns hold all that it can have", async () => {
    const gateway = await start();
    const inConversation = (id: string, text: string, conversation: string) => ({
      ...textMessage(id, text),
      conversation: { id: conversation, kind: "direct" as const },
    });
    for (let n = 1; n <= 40; n++) {
      await gateway.receive(inConversation(`m${n}`, "a long question", `c${n}`));
    }
    await eventually(() => expect(mind.begun.length).toBeGreaterThan(0));
    const [running = ""] = mind.begun;
    await gateway.receive(inConversation("s1", "/stop", running.replace("m", "c")));
    await eventually(async () =>
      expect([await state(running), await state("s1")]).toEqual(["done", "done"]),
    );
  });

  it("reaches the process that answers, within one look", async () => {
    await busy({ lookEveryMs: LOOK_EVERY_MS });
    // In a process of its own, which has no part in that turn.
    const other = await start({ store: await world.open(), lookEveryMs: LOOK_EVERY_MS });
    await other.receive(textMessage("s1", "/stop"));
    await eventually(async () =>
      expect([await state("m1"), await state("s1")]).toEqual(["done", "done"]),
    );
    expect(bodies()).toEqual([["s1", "Stopped."]]);
  });

  it.each([
    ["en", "Stopped.", "Nothing is running that could be stopped."],
    ["zh-Hant", "已停止。", "目前沒有正在進行的工作可以停止。"],
    ["zh-Hans", "已停止。", "目前没有正在进行的工作可以停止。"],
  ] as const)(
    "is answered in %s, whether something ran or not",
    async (locale, stopped, nothing) => {
      const gateway = await busy({ tenants: speaking(locale) });
      await gateway.receive(textMessage("s1", "/stop"));
      // A command passes its conversation by: nothing but waiting keeps two of them in order.
      await eventually(async () =>
        expect([await state("m1"), await state("s1")]).toEqual(["done", "done"]),
      );
      await gateway.receive(textMessage("s2", "/stop"));
      await eventually(() =>
        expect(bodies()).toEqual([
          ["s1", stopped],
          ["s2", nothing],
        ]),
      );
      expect(mind.begun).toEqual(["m1"]);
    },
  );

  it("lets the message that waited behind the stopped one come next", async () => {
    const gateway = await busy();
    await gateway.receive(textMessage("m2", "another question"));
    await gateway.receive(textMessage("s1", "/stop"));
    await eventually(() => expect(mind.begun).toEqual(["m1", "m2"]));
    mind.end("m2");
    await eventually(async () => expect(await state("m2")).toBe("done"));
    expect(bodies().toSorted()).toEqual([
      ["m2", "re m2"],
      ["s1", "Stopped."],
    ]);
  });

  it("is not held up by a reply of its conversation that cannot be sent for now", async () => {
    const gateway = await start();
    gateway.channel.outcomes.push({ kind: "retry", afterMs: 60_000, reason: "busy" });
    await gateway.receive(textMessage("m0", "a question"));
    await eventually(() => expect(mind.begun).toEqual(["m0"]));
    mind.end("m0");
    await eventually(() => expect(gateway.channel.sent).toHaveLength(1));
    await gateway.receive(textMessage("m1", "a long question"));
    await eventually(() => expect(mind.begun).toEqual(["m0", "m1"]));
    await gateway.receive(textMessage("s1", "/stop"));
    await eventually(async () =>
      expect([await state("m1"), await state("s1")]).toEqual(["done", "done"]),
    );
    expect(bodies()).toEqual([
      ["m0", "re m0"],
      ["s1", "Stopped."],
    ]);
  });

  it("is taken although its tenant has too much waiting", async () => {
    let isFull = false;
    const gateway = await busy({ isFull: () => isFull });
    isFull = true;
    await expect(gateway.receive(textMessage("m2", "another"))).rejects.toThrow(OverloadError);
    await gateway.receive(textMessage("s1", "/stop"));
    await eventually(async () =>
      expect([await state("m1"), await state("s1")]).toEqual(["done", "done"]),
    );
  });

  describe("said elsewhere", () => {
    const goesOn = async () => {
      expect(await state("m1")).toBe("pending");
      mind.end("m1");
      await eventually(async () => expect(await state("m1")).toBe("done"));
      expect(bodies()).toContainEqual(["m1", "re m1"]);
    };

    it("does not end a turn of another conversation", async () => {
      const gateway = await busy();
      await gateway.receive(textMessage("s1", "/stop", "mallory"));
      await eventually(async () => expect(await state("s1")).toBe("done"));
      expect(bodies()).toEqual([["s1", "Nothing is running that could be stopped."]]);
      await goesOn();
    });

    it.each([
      ["the same process", false],
      ["another process", true],
    ])(
      "does not end a turn of another tenant in a room that both share, in %s",
      async (_where, isOther) => {
        const options = { tenants: byRole, lookEveryMs: LOOK_EVERY_MS };
        const gateway = await start(options);
        await gateway.receive(inRoom("m1", "a long question", "sales"));
        await eventually(() => expect(mind.begun).toEqual(["m1"]));
        const there = isOther ? await start({ ...options, store: await world.open() }) : gateway;
        await there.receive(inRoom("s1", "/stop", "legal"));
        await eventually(async () => expect(await state("s1")).toBe("done"));
        expect(bodies()).toEqual([["s1", "Nothing is running that could be stopped."]]);
        await goesOn();
      },
    );
  });
});
