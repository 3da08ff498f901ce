import { describe, expect, it } from "vitest";
import type { Price } from "../../../config/price-book.ts";
import type { ModelChoice } from "../../../config/tenant.ts";
import type { AuditRecord } from "../../../core/audit-log.ts";
import type { Reservation } from "../../../core/budget/budget.ts";
import { limitOf, toUsd } from "../../../core/budget/money.ts";
import { ModelError } from "../../../core/contract/errors.ts";
import type { ModelProvider, ModelRequest, ModelTurn } from "../../../core/contract/model.ts";
import { createMetrics } from "../../../core/metrics/metrics.ts";
import { createModels } from "../../../core/models/ask.ts";
import type { Context } from "../../../core/stage.ts";
import { TurnSignal } from "../../../core/turn-signal.ts";
import { counted } from "../../fakes/counted.ts";
import { recordedLog } from "../../fakes/log.ts";
import { tenantWith, textContext } from "../../fakes/turn.ts";

const choice = (provider: string): ModelChoice => ({ provider, model: "m", region: "on-prem" });
const request = {
  instructions: "",
  messages: [{ role: "user", text: "hello" }],
  tools: [],
  locale: "en",
} as const satisfies Omit<ModelRequest, "model">;

type Behaviour =
  | Partial<ModelTurn>
  | Error
  | ((request: ModelRequest, signal: AbortSignal) => Promise<ModelTurn>);
const turnOf = (turn: Partial<ModelTurn> = {}): ModelTurn => ({
  ...{ text: "ok", toolCalls: [], usage: { inputTokens: 1000, outputTokens: 100 } },
  ...turn,
});
const unavailable = (isUnbilled = true) =>
  new ModelError("MODEL_UNAVAILABLE", "it is away", { isUnbilled });
/** Says nothing until it is told to end. */
const hanging: Behaviour = (_request, signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });

interface SetUp {
  readonly budgetUsd?: number;
  readonly price?: Price;
  readonly patienceMs?: number;
  readonly isBuiltIn?: true;
  readonly context?: Partial<Context>;
  readonly order?: readonly string[];
  readonly now?: () => Date;
}

const KNOWN: Price = { kind: "known", usdPerMillion: { input: 2, output: 10 } };
const FREE: Price = { kind: "known", usdPerMillion: { input: 0, output: 0 } };

const setUp = (behaviours: Readonly<Record<string, Behaviour>>, options: SetUp = {}) => {
  const { budgetUsd, price = KNOWN, patienceMs, order = Object.keys(behaviours) } = options;
  const asked: { provider: string; request: ModelRequest }[] = [];
  const providers = new Map(
    Object.entries(behaviours).map(([name, behaviour]): [string, ModelProvider] => [
      name,
      {
        name,
        ...(options.isBuiltIn && { isBuiltIn: true }),
        generate: async (given, signal) => {
          asked.push({ provider: name, request: given });
          if (behaviour instanceof Error) throw behaviour;
          return typeof behaviour === "function" ? behaviour(given, signal) : turnOf(behaviour);
        },
      },
    ]),
  );
  const reserved: number[] = [];
  const settled: number[] = [];
  const records: AuditRecord[] = [];
  const log = recordedLog();
  const metrics = createMetrics();
  let charged = 0;
  const models = createModels({
    ...{ providers, metrics },
    prices: { priceOf: () => price },
    budget: {
      reserve: async ({ monthlyBudgetUsd }, most): Promise<Reservation | undefined> => {
        if (monthlyBudgetUsd !== undefined && charged + most > limitOf(monthlyBudgetUsd)) {
          return undefined;
        }
        reserved.push(most);
        charged += most;
        return {
          settle: async (cost) => {
            charged += cost - most;
            settled.push(cost);
          },
        };
      },
    },
    log,
    now: options.now ?? (() => new Date()),
    ...(patienceMs !== undefined && { patienceMs }),
  });
  const tenant = tenantWith([], budgetUsd === undefined ? {} : { monthlyBudgetUsd: budgetUsd });
  const context: Context = {
    ...textContext("hello", tenant),
    record: (record) => void records.push(record),
    ...options.context,
  };
  const asking = models.begin(context, order.map(choice));
  return {
    asking,
    asked,
    reserved,
    settled,
    records,
    log,
    metrics,
    ask: () => asking.ask(request),
  };
};

describe("what a call costs", () => {
  it("is reserved at its most before, and settled as it was after", async () => {
    const { ask, asked, reserved, settled, records } = setUp({ a: {} }, { budgetUsd: 1 });
    expect(await ask()).toMatchObject({ kind: "turn", turn: { text: "ok" } });
    // Nothing says how long the answer may be, so the budget does.
    expect(asked[0]?.request.maxOutputTokens).toBe(8192);
    expect(reserved[0]).toBeGreaterThan(limitOf((8192 * 10) / 1e6));
    expect(settled).toEqual([limitOf((1000 * 2 + 100 * 10) / 1e6)]);
    expect(records).toMatchObject([
      {
        ...{ action: "model.call", subject: "a/m", decision: "allowed", code: "OK" },
        detail: { inputTokens: 1000, outputTokens: 100, costUsd: 0.003 },
      },
    ]);
  });

  it("is counted with what came of it, a failed call as it is charged", async () => {
    const calls = async (behaviours: Parameters<typeof setUp>[0], budgetUsd = 1) => {
      const { ask, reserved, metrics } = setUp(behaviours, { budgetUsd });
      await ask().catch(() => {});
      const [[, , cost] = []] = counted(metrics, "clawgate_model_cost_usd_total");
      const most = toUsd(reserved[0] ?? 0);
      return [counted(metrics, "clawgate_model_calls_total"), cost, most];
    };
    const once = (outcome: string) => [["sales", "a", outcome, 1]];
    const actual = (1000 * 2 + 100 * 10) / 1e6;
    expect(await calls({ a: {} })).toEqual([once("OK"), actual, expect.any(Number)]);
    expect(await calls({ a: {} }, 0.01)).toEqual([once("BUDGET_EXCEEDED"), 0, 0]);
    const [outcome, charged, most] = await calls({ a: unavailable(false) });
    expect([outcome, charged]).toEqual([once("MODEL_UNAVAILABLE"), most]);
    expect(most).toBeGreaterThan(0);
    const unbilled = await calls({ a: unavailable(true) });
    expect(unbilled.slice(0, 2)).toEqual([once("MODEL_UNAVAILABLE"), 0]);
  });

  it("that does not fit is refused before the model is asked", async () => {
    const { ask, asked, settled, records } = setUp({ a: {}, b: {} }, { budgetUsd: 0.01 });
    expect(await ask()).toMatchObject({ kind: "refused", refusal: { code: "BUDGET_EXCEEDED" } });
    expect([asked, settled]).toEqual([[], []]);
    expect(records).toMatchObject([{ decision: "refused", code: "BUDGET_EXCEEDED" }]);
  });

  it("that is unknown is refused where there is a budget, and says what is missing", async () => {
    const price: Price = { kind: "unknown", missing: "no price of a/m on 2026-03-01" };
    const limited = setUp({ a: {} }, { budgetUsd: 100, price });
    expect(await limited.ask()).toMatchObject({ refusal: { code: "PRICE_UNKNOWN" } });
    expect(limited.asked).toEqual([]);
    expect(limited.records).toMatchObject([{ detail: { missing: price.missing } }]);
    expect(limited.log.lines).toMatchObject([{ fields: { missing: price.missing } }]);
    const free = setUp({ a: {} }, { price });
    expect(await free.ask()).toMatchObject({ kind: "turn" });
    expect(free.asked[0]?.request.maxOutputTokens).toBeUndefined();
  });

  it("is nought for models that are free, yet where the turn's data went is on record", async () => {
    const { ask, reserved, records } = setUp({ a: {} }, { budgetUsd: 0, price: FREE });
    expect(await ask()).toMatchObject({ kind: "turn" });
    expect(reserved).toEqual([]);
    expect(records).toMatchObject([
      { action: "model.call", subject: "a/m", detail: { region: "on-prem", costUsd: 0 } },
    ]);
  });

  it("is not on record for what is built in, which tells nobody", async () => {
    const { ask, records } = setUp({ a: {} }, { price: FREE, isBuiltIn: true });
    expect(await ask()).toMatchObject({ kind: "turn" });
    expect(records).toEqual([]);
  });

  it("is charged in full when it is not known what a failed call cost, and only then", async () => {
    const unknown = setUp({ a: unavailable(false) }, { budgetUsd: 1 });
    await expect(unknown.ask()).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE" });
    // Settled, not left: whoever is to be told how far the budget is used up is told then.
    expect([unknown.reserved.length, unknown.settled]).toEqual([1, unknown.reserved]);
    const refused = setUp({ a: unavailable(true) }, { budgetUsd: 1 });
    await expect(refused.ask()).rejects.toThrow();
    expect(refused.settled).toEqual([0]);
    expect(refused.records).toMatchObject([{ decision: "failed", code: "MODEL_UNAVAILABLE" }]);
  });

  it("is held to the tenant's own limit on answers", async () => {
    const { asking, asked, reserved } = setUp({ a: {} }, { budgetUsd: 1 });
    await asking.ask({ ...request, maxOutputTokens: 10 });
    expect(asked[0]?.request.maxOutputTokens).toBe(10);
    expect(reserved[0]).toBeLessThan(limitOf(0.01));
  });

  it("is not found out for more text than any model reads", async () => {
    const { asking, asked, reserved } = setUp({ a: {} });
    const text = "字".repeat(350_000);
    const outcome = await asking.ask({ ...request, messages: [{ role: "user", text }] });
    expect(outcome).toMatchObject({ refusal: { code: "PROMPT_TOO_LARGE" } });
    expect([asked, reserved]).toEqual([[], []]);
  });
});

describe("fallback", () => {
  it("asks the next model when one cannot be had, on record, and stays with it", async () => {
    const { ask, asked, records, log } = setUp({ a: unavailable(), b: unavailable(), c: {} });
    expect(await ask()).toMatchObject({ kind: "turn" });
    await ask();
    expect(asked.map(({ provider }) => provider)).toEqual(["a", "b", "c", "c"]);
    expect(records.map(({ subject, decision }) => [subject, decision])).toEqual([
      ["a/m", "failed"],
      ["b/m", "failed"],
      ["c/m", "allowed"],
      ["c/m", "allowed"],
    ]);
    expect(log.lines.map(({ fields }) => fields.alert)).toEqual([
      "model_fallback",
      "model_fallback",
    ]);
  });

  it("ends with the fault of the last model", async () => {
    const last = new ModelError("MODEL_TIMEOUT", "too slow");
    await expect(setUp({ a: unavailable(), b: last }).ask()).rejects.toBe(last);
  });

  it("does not try another model with a request that was itself refused", async () => {
    const refused = new ModelError("MODEL_REFUSED", "HTTP 400");
    const { ask, asked } = setUp({ a: refused, b: {} });
    await expect(ask()).rejects.toBe(refused);
    expect(asked).toHaveLength(1);
  });

  it("does not try another model when the gateway itself fails", async () => {
    const { ask, asked } = setUp({ a: new TypeError("a fault of ours"), b: {} });
    await expect(ask()).rejects.toBeInstanceOf(TypeError);
    expect(asked).toHaveLength(1);
  });

  it("leaves a model that says nothing for too long, when there is another", async () => {
    const { ask, asked } = setUp({ a: hanging, b: {} }, { patienceMs: 5 });
    expect(await ask()).toMatchObject({ kind: "turn" });
    expect(asked.map(({ provider }) => provider)).toEqual(["a", "b"]);
  });

  it("ends the only model's call, too, when the turn's fifteen minutes are over", async () => {
    let time = 0;
    const { ask } = setUp({ a: hanging }, { now: () => new Date(time) });
    time = 15 * 60_000 - 5;
    await expect(ask()).rejects.toMatchObject({ code: "MODEL_TIMEOUT" });
  });

  it("stays with a model that has begun to answer", async () => {
    let finish = (): void => {};
    const slow: Behaviour = ({ onText }, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        onText?.("It ");
        finish = () => resolve(turnOf({ text: "It is." }));
        // Longer than the patience: the timer that it set must be gone by then.
        setTimeout(() => finish(), 60);
      });
    const { asking, asked } = setUp({ a: slow, b: {} }, { patienceMs: 20 });
    const shown: string[] = [];
    const outcome = await asking.ask({ ...request, onText: (text) => void shown.push(text) });
    expect(outcome).toMatchObject({ turn: { text: "It is." } });
    expect([asked.length, shown]).toEqual([1, ["It "]]);
  });

  it("ends at once when somebody stops the turn, with what it may cost charged", async () => {
    const stopping = new TurnSignal();
    const reason = new Error("/stop");
    const stopped: Behaviour = async () => {
      stopping.abort(reason);
      throw new ModelError("MODEL_UNAVAILABLE", "the connection was cut");
    };
    const { ask, asked, reserved, settled } = setUp(
      { a: stopped, b: {} },
      { context: { signal: stopping } },
    );
    await expect(ask()).rejects.toThrow();
    expect(asked).toHaveLength(1);
    await expect(ask()).rejects.toBe(reason);
    expect([asked.length, reserved.length, settled]).toEqual([1, 1, reserved]);
  });

  it("asks no model that does not exist, and none beyond those it was given", async () => {
    await expect(setUp({ b: {} }, { order: ["gone"] }).ask()).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
    });
  });
});
