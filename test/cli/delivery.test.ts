import { expect, it } from "vitest";
import { createDelivery } from "../../cli/delivery.ts";
import type { TenantIndex } from "../../config/tenant.ts";
import { NO_METRICS } from "../../core/contract/metrics.ts";
import { createCounters } from "../../core/delivery/counters.ts";
import { createRunningTurns } from "../../core/delivery/running-turns.ts";
import type { Rules } from "../../core/turn.ts";
import { fakeChannel } from "../fakes/channel.ts";
import { deliveryProcess } from "../fakes/delivery-process.ts";
import { eventually } from "../fakes/eventually.ts";
import { textMessage } from "../fakes/messages.ts";
import { describeStores } from "../fakes/stores.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { recordedAudit, tenantWith } from "../fakes/turn.ts";

const folder = temporaryFolder();
const tenant = tenantWith();
const tenants: TenantIndex = { get: () => tenant, resolve: () => ({ kind: "tenant", tenant }) };
const rules: Rules = { tenants, pipeline: async () => ({ kind: "text", markdown: "hello" }) };

describeStores("a gateway that answers nothing else", (world) => {
  it("sends the answer to a /stop itself, at once", async () => {
    const { store } = world;
    const now = () => new Date();
    const { signal } = new AbortController();
    const process = await deliveryProcess({ store, folder: folder.path, now });
    const { inbox, cipher, lease, log } = process;
    const channel = fakeChannel();
    const delivery = createDelivery({
      ...{ store, inbox, cipher, lease, log, now, signal, isAlone: false },
      redisUrl: "redis://127.0.0.1:1", // nobody is there: no worker ever hears of it
      roles: { isGateway: true, isWorker: false },
      adapters: new Map([["test", channel]]),
      turns: createRunningTurns({ inbox, log, signal, lookEveryMs: 500 }),
      rules: () => rules,
      auditLog: recordedAudit(),
      counters: createCounters(),
      metrics: NO_METRICS,
      reviews: { tidy: async () => {} },
    });
    delivery.start();
    await delivery.receive(textMessage("m1", "/stop"));
    await eventually(async () =>
      expect(await world.sql("SELECT state FROM inbox")).toEqual([{ state: "done" }]),
    );
    expect(channel.sent.map((part) => part.body)).toEqual(["hello"]);
    await delivery.drain();
  });
});

describeStores("a drained gateway", (world) => {
  it("has written down every reply that a response carried, however late it was told", async () => {
    const { store } = world;
    const now = () => new Date();
    const { signal } = new AbortController();
    const process = await deliveryProcess({
      ...{ store, folder: folder.path, now, isAlone: true, takesAtOnce: true },
    });
    const { inbox, cipher, lease, log } = process;
    const delivery = createDelivery({
      ...{ store, inbox, cipher, lease, log, now, signal, isAlone: true, redisUrl: undefined },
      roles: { isGateway: true, isWorker: true },
      adapters: new Map([["test", fakeChannel()]]),
      turns: createRunningTurns({ inbox, log, signal, lookEveryMs: 0 }),
      rules: () => rules,
      auditLog: recordedAudit(),
      counters: createCounters(),
      metrics: NO_METRICS,
      reviews: { tidy: async () => {} },
    });
    delivery.start();
    const replies = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const { inlineReply } = await delivery.receive(textMessage(`m${n}`, "hi", `person${n}`));
        return inlineReply(new Promise<void>(() => {}));
      }),
    );
    expect(replies.map((reply) => reply?.body)).toEqual(replies.map(() => "hello"));
    for (const reply of replies) reply?.settled(true);
    await delivery.drain();
    const parts = await world.sql("SELECT DISTINCT state, via FROM outbox");
    expect(parts).toEqual([{ state: "delivered", via: "inline" }]);
    expect(await world.sql("SELECT DISTINCT state FROM inbox")).toEqual([{ state: "done" }]);
  });
});
