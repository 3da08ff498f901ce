import { beforeEach, expect, it } from "vitest";
import { createAuditReader } from "../../../core/audit/read-log.ts";
import { verifyChain } from "../../../core/audit/verify.ts";
import { type AuditLog, createAuditLog } from "../../../core/audit-log.ts";
import { createBudget } from "../../../core/budget/budget.ts";
import { compose } from "../../../core/compose.ts";
import { type EraseParts, erasePerson } from "../../../core/data-rights/erase-person.ts";
import { eraseTenant } from "../../../core/data-rights/erase-tenant.ts";
import { createCounters } from "../../../core/delivery/counters.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import { createRunningTurns } from "../../../core/delivery/running-turns.ts";
import { createDispatcher } from "../../../core/dispatcher.ts";
import { personOf } from "../../../core/memory/person.ts";
import { createModels } from "../../../core/models/ask.ts";
import { audit } from "../../../core/stages/audit.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { fakeChannel } from "../../fakes/channel.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import { noNotices } from "../../fakes/notices.ts";
import { dataRightsOf } from "../../fakes/planted-tenant.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { tenantWith } from "../../fakes/turn.ts";

const folder = temporaryFolder();
const now = () => new Date();
const sales = tenantScope("sales");
const message = textMessage("SECRET-ID", "SECRET-QUESTION", "SECRET-SENDER");
const lane = { id: laneOf(message), tenantId: "sales" };
/** 1000 tokens in at 2 USD a million, 100 out at 10. */
const COST_USD = 0.003;

describeStores("a turn whose question is gone when a model has answered it", (world) => {
  let process: DeliveryProcess;
  let auditLog: AuditLog;
  let parts: EraseParts;
  beforeEach(async () => {
    const { store } = world;
    process = await deliveryProcess({ store, folder: folder.path, now });
    const { cipher } = process;
    auditLog = createAuditLog(store, cipher);
    const { memory, holds } = dataRightsOf(process, store, message);
    parts = { store, cipher, auditLog, memory, holds, now };
    await process.inbox.accept(message, sales);
  });

  /** The message's turn in a process, and what happens while the model is at it. */
  const takeTurn = async (
    { inbox, outbox, log }: DeliveryProcess,
    meanwhile: () => Promise<unknown>,
    channel = fakeChannel(),
  ) => {
    const { signal } = new AbortController();
    const alerts = { counters: createCounters(), notices: noNotices };
    const provider = {
      name: "cloud",
      generate: async () => {
        await meanwhile();
        const usage = { inputTokens: 1000, outputTokens: 100 };
        return { text: "SECRET-ANSWER", toolCalls: [], usage };
      },
    };
    const models = createModels({
      providers: new Map([["cloud", provider]]),
      prices: { priceOf: () => ({ kind: "known", usdPerMillion: { input: 2, output: 10 } }) },
      budget: createBudget({ store: world.store, auditLog, log, now, ...alerts }),
      ...{ log, now },
    });
    const pipeline = compose([
      audit(now),
      async (context) => {
        const asking = models.begin(context, [
          { provider: "cloud", model: "m", region: "overseas" },
        ]);
        const question = { role: "user", text: "SECRET-QUESTION" } as const;
        const common = { instructions: "", tools: [], locale: "en" } as const;
        const asked = await asking.ask({ ...common, messages: [question] });
        if (asked.kind === "refused") return asked.refusal;
        return { kind: "text", markdown: asked.turn.text };
      },
    ]);
    const tenant = tenantWith();
    const dispatcher = createDispatcher({
      ...{ inbox, outbox, auditLog, log, now, signal, isWorker: true },
      turns: createRunningTurns({ inbox, log, signal, lookEveryMs: 0 }),
      adapters: new Map([[channel.name, channel]]),
      schedule: () => ({ wake: () => {}, isFull: () => false }),
      rules: () => ({
        tenants: { get: () => tenant, resolve: () => ({ kind: "tenant", tenant }) },
        pipeline,
      }),
    });
    await dispatcher.step(lane);
  };

  /** What the log says of messages and models, as a process that starts now reads it. */
  const told = async () => {
    const cipher = await cipherOn(world.store, folder.path);
    const reader = createAuditReader({ ...parts, cipher });
    const { entries } = await reader.page("cli", sales, { limit: 100 });
    return entries.filter(({ action }) => action === "message" || action === "model.call");
  };
  const call = {
    ...{ action: "model.call", subject: "cloud/m", decision: "allowed", code: "OK" },
    detail: { region: "overseas", inputTokens: 1000, outputTokens: 100, costUsd: COST_USD },
  };
  const erase = () => erasePerson(parts, "cli", sales, personOf(message));

  it("leaves on record which model was asked and what that cost, not that it was answered", async () => {
    await takeTurn(process, erase);
    expect(await told()).toMatchObject([call]);
    expect(await told()).toHaveLength(1);
    const costs = await world.sql("SELECT spent, reserved FROM model_costs");
    expect(costs).toEqual([{ spent: COST_USD * 1e9, reserved: 0 }]);
    const { problem } = await verifyChain(world.store, "sales", { keys: [], checkpoints: [] });
    expect(problem).toBeUndefined();
  });

  it("leaves it also where its channel was switched off meanwhile", async () => {
    await takeTurn(process, erase, fakeChannel("another"));
    expect(await told()).toMatchObject([call]);
  });

  it("leaves it, and nobody's name, where the whole tenant was erased", async () => {
    await takeTurn(process, () => eraseTenant(parts, "cli", sales));
    expect(await told()).toMatchObject([
      { action: "model.call", subject: "cloud/m", code: "OK", actor: "", detail: {} },
    ]);
    const { problem } = await verifyChain(world.store, "sales", { keys: [], checkpoints: [] });
    expect(problem).toBeUndefined();
  });

  it("attack: reading in that record who was erased, and what they were told", async () => {
    await takeTurn(process, erase);
    expect(await told()).toMatchObject([call]);
    const tables = ["audit", "inbox", "outbox", "model_costs"];
    for (const table of tables) {
      const rows = await world.sql(`SELECT * FROM ${table}`);
      const bytes = rows.flatMap((row) => Object.values(row)).map((value) => String(value));
      expect(bytes.join(), table).not.toMatch(table === "inbox" ? /SENDER|QUESTION/ : /SECRET/);
    }
  });

  it("leaves the calls of both processes where another one took it over, and one answer", async () => {
    const other = await deliveryProcess({ store: world.store, folder: folder.path, now });
    await takeTurn(process, async () => {
      await process.lease.release();
      await takeTurn(other, async () => {});
    });
    const entries = await told();
    const answered = { action: "message", decision: "answered", code: "OK" };
    expect(entries).toMatchObject([call, answered, call]);
    const [first, second, third] = entries.map(({ traceId }) => traceId);
    expect(first).toBe(second);
    expect(third).not.toBe(first);
  });

  it("leaves one call and one answer where nothing happened to it", async () => {
    await takeTurn(process, async () => {});
    expect(await told()).toMatchObject([call, { action: "message", decision: "answered" }]);
  });
});
