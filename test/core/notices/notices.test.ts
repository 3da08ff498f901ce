import { afterEach, beforeEach, expect, it } from "vitest";
import type { Tenant, TenantIndex } from "../../../config/tenant.ts";
import { type Budget, createBudget } from "../../../core/budget/budget.ts";
import { limitOf } from "../../../core/budget/money.ts";
import type { SendOutcome } from "../../../core/contract/channel.ts";
import { createCounters } from "../../../core/delivery/counters.ts";
import type { Schedule } from "../../../core/delivery/schedule.ts";
import { createNotices } from "../../../core/notices/notices.ts";
import { createPipeline } from "../../../core/pipeline.ts";
import type { Store } from "../../../core/store/store.ts";
import { type FakeChannel, fakeChannel } from "../../fakes/channel.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { type CoreGateway, coreGateway } from "../../fakes/core-gateway.ts";
import { eventually } from "../../fakes/eventually.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { contentOf } from "../../fakes/safety.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { forgetful, recordedAudit, tenantWith } from "../../fakes/turn.ts";

const folder = temporaryFolder();
const SALES = tenantWith([], { id: "sales", name: "Sales", locale: "en" });
const OTHER = tenantWith([], { id: "legal", name: "Legal", locale: "zh-Hans" });

/** Ann is of another tenant than the one that she is a contact of; nobody knows Bo. */
const indexOf = (...tenants: readonly Tenant[]): TenantIndex => ({
  get: (id) => tenants.find((tenant) => tenant.id === id),
  resolve: ({ conversationId }) =>
    conversationId.includes("ann") ? { kind: "tenant", tenant: OTHER } : { kind: "unknown" },
});

describeStores("a notice to a tenant's contacts", (world) => {
  let gateways: CoreGateway[];
  let channel: FakeChannel;
  let questions: string[];
  let clock: Date;
  /** Of the gateway that was started last. */
  let wake: Schedule["wake"];
  beforeEach(() => {
    gateways = [];
    questions = [];
    clock = new Date("2026-03-10T12:00:00Z");
    channel = talkative();
  });
  afterEach(async () => {
    for (const gateway of gateways) await gateway.stop();
  });

  /** Reaches everybody of `corp`. */
  const talkative = (): FakeChannel =>
    Object.assign(fakeChannel("wechat_work"), {
      directTarget: (workspaceId: string, userId: string) =>
        workspaceId === "corp"
          ? { channel: "wechat_work", workspaceId, appId: "7", address: userId, replyTo: "" }
          : undefined,
    });

  const gatewayOn = async (store: Store, tenants = indexOf(SALES, OTHER)): Promise<CoreGateway> => {
    const asked = (what: string) => (): never => {
      questions.push(what);
      throw new Error(`${what} was asked`);
    };
    const gateway = await coreGateway({
      ...{ store, folder: folder.path, tenants, channels: [channel] },
      pipeline: (needs) => {
        ({ wake } = needs);
        const { auditLog, log, turns } = needs;
        return createPipeline({
          ...forgetful,
          ...{ log, turns, auditLog, now: () => clock, counters: createCounters() },
          // Whoever asked any of these would be a person with a question.
          limiter: { take: asked("rate limit") },
          roles: { permissionsOf: asked("roles") },
          memory: { ...forgetful.memory, prepare: asked("memory") },
          consents: { ...forgetful.consents, isGiven: asked("consent") },
          ...contentOf({ terms: [{ id: "T1", term: "budget", action: "block" }] }),
          reviews: {
            hold: asked("reviews"),
            list: asked("reviews"),
            show: asked("reviews"),
            decide: asked("reviews"),
            withdraw: asked("reviews"),
          },
          agent: { answer: asked("agent") },
          skills: { allowedFor: () => [] },
          welcomed: { markToday: asked("welcome") },
        });
      },
    });
    gateways.push(gateway);
    return gateway;
  };

  let audit: ReturnType<typeof recordedAudit>;
  let log: RecordedLog;
  beforeEach(() => {
    audit = recordedAudit();
    log = recordedLog();
  });

  /** A process's budget; where it dies right after it has claimed, nobody is woken. */
  const budgetOn = async (store: Store, woken: Schedule["wake"] = () => {}): Promise<Budget> => {
    const cipher = await cipherOn(store, folder.path);
    const adapters = new Map([[channel.name, channel]]);
    const notices = createNotices({ cipher, adapters, wake: woken, now: () => clock });
    const parts = { store, auditLog: audit, notices, log, now: () => clock };
    return createBudget({ ...parts, counters: createCounters() });
  };

  const payer = (limitUsd: number, contacts: readonly string[]) => ({
    ...{ id: "sales", monthlyBudgetUsd: limitUsd, contacts },
  });

  const spend = async (budget: Budget, who: ReturnType<typeof payer>, usd: number) => {
    const reservation = await budget.reserve(who, limitOf(usd));
    await reservation?.settle(limitOf(usd));
    return reservation !== undefined;
  };

  const sent = () => channel.sent.map(({ target, body }) => [target.address, body] as const);
  const received = (count: number) => eventually(() => expect(channel.sent).toHaveLength(count));

  it("reaches each of them once, whichever of two replicas was the first to see it", async () => {
    const who = payer(10, ["wechat_work:corp:Ann", "wechat_work:corp:bo", "wechat_work:corp:Ann"]);
    const budgets = [await budgetOn(world.store), await budgetOn(await world.open())];
    await Promise.all(Array.from({ length: 9 }, (_, n) => spend(budgets[n % 2] as Budget, who, 1)));
    expect(audit.records.map(({ code }) => code)).toEqual(["BUDGET_WARNING"]);
    await gatewayOn(world.store);
    await gatewayOn(await world.open());
    await received(2);
    expect(
      sent()
        .map(([address]) => address)
        .sort(),
    ).toEqual(["Ann", "bo"]);
    for (const [, body] of sent()) {
      expect(body).toMatch(
        /Sales has come to 80 % of its budget for 2026-03: [89]\.00 of 10\.00 US/,
      );
    }
    expect(questions).toEqual([]);
  });

  it("is sent by the next process when this one dies between claiming and sending", async () => {
    const budget = await budgetOn(world.store);
    await spend(budget, payer(1, ["wechat_work:corp:bo"]), 0.85);
    await world.closeAll();
    const store = await world.open();
    await gatewayOn(store);
    await received(1);
    // A third process finds nothing left to tell.
    await spend(await budgetOn(store), payer(1, ["wechat_work:corp:bo"]), 0.01);
    expect(await world.sql("SELECT count(*) AS n FROM inbox")).toEqual([{ n: 1 }]);
  });

  it("comes at four fifths and at the end, each once, and again of a larger budget", async () => {
    const gateway = await gatewayOn(world.store);
    const budget = await budgetOn(world.store, wake);
    const contacts = ["wechat_work:corp:bo"];
    await spend(budget, payer(1, contacts), 0.9);
    for (let n = 0; n < 3; n++) expect(await spend(budget, payer(1, contacts), 0.2)).toBe(false);
    await spend(budget, payer(1.1, contacts), 0.1);
    await received(3);
    expect(sent().map(([, body]) => body)).toEqual([
      expect.stringContaining("80 %"),
      expect.stringMatching(/is used up: 0\.90 of 1\.00 US dollars/),
      expect.stringMatching(/1\.00 of 1\.10 US dollars/),
    ]);
    await eventually(() => expect(gateway.records).toHaveLength(3));
    expect(gateway.records[0]).toMatchObject({
      ...{
        action: "message",
        subject: "notice",
        decision: "answered",
        scope: { tenantId: "sales" },
      },
      detail: { notice: "budget_warning", month: "2026-03" },
    });
  });

  it("names whom nothing can be sent to, on record and in the log, and reaches the others", async () => {
    await gatewayOn(world.store);
    const budget = await budgetOn(world.store, wake);
    const unreachable = ["finance@company.com", "slack:T1:U1", "wechat_work:elsewhere:bo"];
    const contacts = [...unreachable, "wechat_work:corp:bo"];
    await spend(budget, payer(1, contacts), 0.9);
    expect(audit.records[0]?.detail).toMatchObject({
      contacts: contacts.join(" "),
      unreachable: unreachable.join(" "),
    });
    expect(log.lines[0]?.fields).toMatchObject({ alert: "budget_warning", unreachable });
    await received(1);
  });

  it("is told to nobody when its tenant is gone from the settings meanwhile", async () => {
    await spend(await budgetOn(world.store), payer(1, ["wechat_work:corp:ann"]), 0.9);
    const gateway = await gatewayOn(world.store, indexOf(OTHER));
    await eventually(() => expect(gateway.records).toHaveLength(1));
    expect(gateway.records[0]).toMatchObject({ decision: "silent", code: "TENANT_UNKNOWN" });
    expect(channel.sent).toEqual([]);
  });

  it("does not hold up what a contact talks about when it cannot be sent", async () => {
    let answer: (outcome: SendOutcome) => void = () => {};
    channel.outcomes.push(
      new Promise((resolve) => {
        answer = resolve;
      }),
    );
    await spend(await budgetOn(world.store), payer(1, ["wechat_work:corp:bo"]), 0.9);
    const gateway = await gatewayOn(world.store);
    await received(1);
    await gateway.receive({ ...textMessage("1", "hello", "bo"), channel: "wechat_work" });
    await received(2);
    expect(channel.sent[1]?.body).toContain("[TENANT_UNKNOWN]");
    answer({ kind: "delivered" });
  });
});
