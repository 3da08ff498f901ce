import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type Budget,
  createBudget,
  type Payer,
  type Reservation,
} from "../../../core/budget/budget.ts";
import { costOf, limitOf } from "../../../core/budget/money.ts";
import { type Counters, createCounters } from "../../../core/delivery/counters.ts";
import type { Notices } from "../../../core/notices/notices.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";
import { noNotices } from "../../fakes/notices.ts";
import { describeStores } from "../../fakes/stores.ts";
import { recordedAudit } from "../../fakes/turn.ts";

const CENT = limitOf(0.01);
const payer = (monthlyBudgetUsd: number | undefined, more: Partial<Payer> = {}): Payer => ({
  id: "sales",
  ...(monthlyBudgetUsd !== undefined && { monthlyBudgetUsd }),
  ...more,
});

describe("an amount", () => {
  it("is never less than its tokens cost", () => {
    const price = fc.double({ min: 0, max: 1000, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), price, (tokens, usdPerMillion) => {
        const exact = tokens * usdPerMillion * 1000;
        const cost = costOf(tokens, usdPerMillion);
        expect(Number.isSafeInteger(cost)).toBe(true);
        expect(cost).toBeGreaterThanOrEqual(exact);
        expect(cost).toBeLessThanOrEqual(exact + 1);
      }),
    );
    expect(costOf(1_000_000, 2.5)).toBe(limitOf(2.5));
    expect(Number.isSafeInteger(costOf(1e9, 1e12))).toBe(true);
  });
});

describeStores("a monthly budget", (world) => {
  let clock: Date;
  let log: RecordedLog;
  let audit: ReturnType<typeof recordedAudit>;
  let counters: Counters;
  let notices: Notices;
  let budget: Budget;
  beforeEach(() => {
    notices = noNotices;
    clock = new Date("2026-03-10T12:00:00Z");
    log = recordedLog();
    audit = recordedAudit();
    counters = createCounters();
    budget = budgetOn(world.store);
  });
  const budgetOn = (store: typeof world.store) =>
    createBudget({ store, auditLog: audit, notices, log, now: () => clock, counters });
  const usage = (timeZone?: string) =>
    budget.usage(tenantScope("sales"), timeZone === undefined ? {} : { timeZone });
  const reserved = async (who: Payer, amount: number): Promise<Reservation> => {
    const reservation = await budget.reserve(who, amount);
    if (!reservation) throw new Error("does not fit");
    return reservation;
  };

  it("counts what a call cost in place of the most it could have cost", async () => {
    const reservation = await reserved(payer(1), 30 * CENT);
    expect(await usage()).toEqual({ month: "2026-03", spentUsd: 0, reservedUsd: 0.3 });
    await reservation.settle(7 * CENT);
    expect(await usage()).toEqual({ month: "2026-03", spentUsd: 0.07, reservedUsd: 0 });
    expect(counters.modelCostUsd).toBeCloseTo(0.07);
  });

  it("counts a call once, however often it is settled", async () => {
    const reservation = await reserved(payer(1), 30 * CENT);
    await Promise.all([reservation.settle(7 * CENT), reservation.settle(7 * CENT)]);
    expect(await usage()).toMatchObject({ spentUsd: 0.07, reservedUsd: 0 });
  });

  it("takes what fits to the last billionth, and not one more", async () => {
    await reserved(payer(0.01), CENT - 1);
    expect(await budget.reserve(payer(0.01), 2)).toBeUndefined();
    expect(await budget.reserve(payer(0.01), 1)).toBeDefined();
    expect(await budget.reserve(payer(0.01), 1)).toBeUndefined();
  });

  it("of nought lets nothing pass, also as the first of the month", async () => {
    expect(await budget.reserve(payer(0), 1)).toBeUndefined();
    expect(await usage()).toMatchObject({ spentUsd: 0, reservedUsd: 0 });
  });

  it("is not overspent by a hundred calls at once, from two processes", async () => {
    const other = budgetOn(await world.open());
    const calls = Array.from({ length: 100 }, (_, index) =>
      (index % 2 === 0 ? budget : other).reserve(payer(1), 3 * CENT),
    );
    const taken = (await Promise.all(calls)).filter((reservation) => reservation !== undefined);
    expect(taken).toHaveLength(33);
    await Promise.all(taken.map((reservation) => reservation.settle(3 * CENT)));
    expect(await usage()).toMatchObject({ spentUsd: 0.99, reservedUsd: 0 });
  });

  it("is not exceeded whatever is reserved, settled, or left by a process that died", async () => {
    const limitUsd = 1;
    const step = fc.record({
      kind: fc.constantFrom("reserve", "settle", "crash", "both"),
      amount: fc.integer({ min: 1, max: 60 }),
      part: fc.integer({ min: 0, max: 100 }),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const who = payer(limitUsd, { id: `tenant${++round}` });
        const open: { readonly reservation: Reservation; readonly most: number }[] = [];
        let charged = 0; // by our own books
        const reserve = async (most: number) => {
          const reservation = await budget.reserve(who, most);
          if (!reservation) {
            expect(charged + most).toBeGreaterThan(limitOf(limitUsd));
            return;
          }
          charged += most;
          open.push({ reservation, most });
        };
        const settle = async (part: number) => {
          const first = open.shift();
          if (!first) return;
          const cost = Math.floor((first.most * part) / 100);
          charged -= first.most - cost;
          await first.reservation.settle(cost);
        };
        for (const { kind, amount, part } of steps) {
          if (kind === "reserve") await reserve(amount * CENT);
          else if (kind === "settle") await settle(part);
          else if (kind === "crash") open.shift();
          else {
            // At the same time: in whichever order they come, the limit holds.
            const most = amount * CENT;
            const first = open.shift();
            const cost = first ? Math.floor((first.most * part) / 100) : 0;
            const [reservation] = await Promise.all([
              budget.reserve(who, most),
              first?.reservation.settle(cost),
            ]);
            if (first) charged -= first.most - cost;
            if (reservation) {
              charged += most;
              open.push({ reservation, most });
            }
          }
          const { spentUsd, reservedUsd } = await budget.usage(tenantScope(who.id), who);
          expect(spentUsd + reservedUsd).toBeLessThanOrEqual(limitUsd);
          expect(spentUsd + reservedUsd).toBeCloseTo(charged / limitOf(1), 8);
        }
      }),
      { numRuns: world.dialect === "sqlite" ? 40 : 15 },
    );
  });

  it("begins anew with the month of the tenant's time zone", async () => {
    const taipei = payer(1, { timeZone: "Asia/Taipei" });
    clock = new Date("2026-03-31T15:59:59Z");
    const last = await reserved(taipei, 100 * CENT);
    expect(await budget.reserve(taipei, 1)).toBeUndefined();
    clock = new Date("2026-03-31T16:00:00Z");
    expect(await budget.reserve(taipei, 100 * CENT)).toBeDefined();
    // What was reserved in March is settled in March.
    await last.settle(40 * CENT);
    expect(await usage("Asia/Taipei")).toEqual({ month: "2026-04", spentUsd: 0, reservedUsd: 1 });
    clock = new Date("2026-03-31T15:00:00Z");
    expect(await usage("Asia/Taipei")).toEqual({ month: "2026-03", spentUsd: 0.4, reservedUsd: 0 });
  });

  it("leaves what a process that died had reserved charged in full, for its month only", async () => {
    await reserved(payer(1), 100 * CENT); // never settled
    const survivor = budgetOn(await world.open());
    expect(await survivor.reserve(payer(1), 1)).toBeUndefined();
    clock = new Date("2026-04-01T00:00:00Z");
    expect(await survivor.reserve(payer(1), 100 * CENT)).toBeDefined();
  });

  it("tells of four fifths once a month, and again when the budget was raised", async () => {
    const contacts = ["finance@company.com", "slack:T1:U1"];
    const spend = async (usd: number, limitUsd: number) =>
      (await reserved(payer(limitUsd, { contacts }), limitOf(usd))).settle(limitOf(usd));
    const alerts = () =>
      audit.records.map(({ action, code, subject, detail }) => [
        action,
        code,
        subject,
        detail?.limitUsd,
      ]);
    await spend(0.79, 1);
    expect(alerts()).toEqual([]);
    await spend(0.01, 1);
    await spend(0.1, 1);
    expect(alerts()).toEqual([["budget.alert", "BUDGET_WARNING", "2026-03", 1]]);
    expect(audit.records[0]?.detail?.contacts).toBe(contacts.join(" "));
    expect(log.lines).toMatchObject([
      { level: "warn", fields: { alert: "budget_warning", tenant: "sales", contacts } },
    ]);
    expect(audit.records[0]?.detail?.unreachable).toBe(contacts.join(" "));
    expect(log.lines[0]?.text).toContain("nothing can be sent to some contacts");
    await spend(0.8, 2);
    expect(alerts().at(-1)).toEqual(["budget.alert", "BUDGET_WARNING", "2026-03", 2]);
    clock = new Date("2026-04-01T00:00:00Z");
    await spend(0.9, 1);
    expect(
      alerts()
        .slice(1)
        .map(([, , month]) => month),
    ).toEqual(["2026-03", "2026-04"]);
    expect(counters.budgetAlerts).toBe(3);
  });

  it("warns of four fifths also where processes that died had them used up", async () => {
    for (let call = 0; call < 9; call++) await reserved(payer(1), 10 * CENT); // never settled
    expect(audit.records).toEqual([]);
    expect(await budget.reserve(payer(1), 11 * CENT)).toBeUndefined();
    expect(audit.records.map(({ code }) => code)).toEqual(["BUDGET_WARNING", "BUDGET_EXCEEDED"]);
  });

  it("tells of its end once, however many calls it refuses", async () => {
    await Promise.all(Array.from({ length: 20 }, () => budget.reserve(payer(0.01), 2 * CENT)));
    expect(audit.records.map(({ code }) => code)).toEqual(["BUDGET_EXCEEDED"]);
    expect(log.lines).toMatchObject([{ fields: { alert: "budget_exceeded", limitUsd: 0.01 } }]);
  });

  it("of nought tells of its end alone: nobody has used four fifths of nothing", async () => {
    for (let call = 0; call < 3; call++) {
      expect(await budget.reserve(payer(0), CENT)).toBeUndefined();
    }
    expect(audit.records.map(({ code }) => code)).toEqual(["BUDGET_EXCEEDED"]);
  });

  it("refuses and charges as ever when nobody can be told, and tells with the next call", async () => {
    notices = { prepare: async () => Promise.reject(new Error("the key is away")) };
    budget = budgetOn(world.store);
    await (await reserved(payer(1), 90 * CENT)).settle(90 * CENT);
    expect(await budget.reserve(payer(1), 20 * CENT)).toBeUndefined();
    expect(await usage()).toMatchObject({ spentUsd: 0.9, reservedUsd: 0 });
    expect(audit.records).toEqual([]);
    expect(log.lines.map(({ fields }) => [fields.alert, fields.code])).toEqual([
      ["budget_alert_not_told", "BUDGET_WARNING"],
      ["budget_alert_not_told", "BUDGET_WARNING"],
      ["budget_alert_not_told", "BUDGET_EXCEEDED"],
    ]);
    notices = noNotices;
    budget = budgetOn(world.store);
    expect(await budget.reserve(payer(1), 20 * CENT)).toBeUndefined();
    expect(audit.records.map(({ code }) => code)).toEqual(["BUDGET_WARNING", "BUDGET_EXCEEDED"]);
  });

  it("counts also where there is no limit", async () => {
    await (await reserved(payer(undefined), 900 * CENT)).settle(500 * CENT);
    expect(await usage()).toMatchObject({ spentUsd: 5, reservedUsd: 0 });
    expect(audit.records).toEqual([]);
  });

  it("of one tenant is not another's", async () => {
    await reserved(payer(1), 100 * CENT);
    expect(await budget.reserve(payer(1, { id: "legal" }), 100 * CENT)).toBeDefined();
    expect(await budget.usage(tenantScope("press"), {})).toMatchObject({
      spentUsd: 0,
      reservedUsd: 0,
    });
  });

  it("stays charged in full when the cost cannot be written", async () => {
    const note = async () => Promise.reject(new Error("the store is away"));
    const reservation = await budgetOn({ ...world.store, note }).reserve(payer(1), 50 * CENT);
    await reservation?.settle(CENT);
    expect(await usage()).toMatchObject({ spentUsd: 0, reservedUsd: 0.5 });
    expect(log.lines).toMatchObject([{ level: "error", fields: { alert: "cost_not_settled" } }]);
  });
});
