import type { PriceBook } from "../../config/price-book.ts";
import type { ModelChoice } from "../../config/tenant.ts";
import type { Budget, Reservation } from "../budget/budget.ts";
import { costOf, type NanoUsd, toUsd } from "../budget/money.ts";
import { ModelError } from "../contract/errors.ts";
import type { Log } from "../contract/log.ts";
import { type Metrics, NO_METRICS } from "../contract/metrics.ts";
import type { ModelProvider, ModelRequest, ModelTurn } from "../contract/model.ts";
import type { Refusal, RefusalCode } from "../contract/reply.ts";
import { refuse } from "../refuse.ts";
import type { Context } from "../stage.ts";
import { tenantScope } from "../store/scope.ts";
import type { TurnSignal } from "../turn-signal.ts";
import { mostInputTokens } from "./estimate.ts";

/** Asks tenants' models: within their budget, and the next one when one cannot be had. */
export interface Models {
  /** For one turn; `choices` in the order to ask them, at least one. */
  begin(context: Context, choices: readonly ModelChoice[]): Asking;
}

/** One turn's way along its models. Once a model has failed it is not asked again in the turn. */
export interface Asking {
  /** Whether any of them makes something of what was said before. */
  readonly takesEarlier: boolean;
  /** Throws ModelError when no model can be had; what the budget refuses is no fault. */
  ask(request: Omit<ModelRequest, "model">): Promise<Asked>;
}

export type Asked =
  | { readonly kind: "turn"; readonly turn: ModelTurn }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface ModelsParts {
  readonly providers: ReadonlyMap<string, ModelProvider>;
  readonly prices: PriceBook;
  readonly budget: Pick<Budget, "reserve">;
  readonly log: Log;
  readonly now: () => Date;
  /** Default: nobody counts. */
  readonly metrics?: Metrics;
  /** How long a model with another one behind it may say nothing. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 120_000;
// Reasoning and long reports take minutes; a person who will not wait says `/stop`.
const TURN_MS = 15 * 60_000;
/** Beyond this many bytes no model that is sold takes a request. */
const MOST_INPUT_TOKENS = 1024 * 1024;
/** Most tokens of an answer that a budget can be held to when the settings do not say how long it may be. */
export const USUAL_OUTPUT_TOKENS = 8192;

export const createModels = (parts: ModelsParts): Models => ({
  begin: (context, choices) => {
    const endsAt = parts.now().getTime() + TURN_MS;
    let failed = 0; // of the choices, the first ones

    const askNext = (request: Omit<ModelRequest, "model">, inputTokens: number): Promise<Asked> => {
      const choice = choices[failed];
      if (!choice) throw new ModelError("MODEL_UNAVAILABLE", "no model is left to ask");
      const hasNext = failed + 1 < choices.length;
      const asked = askOne(parts, context, choice, request, { inputTokens, endsAt, hasNext });
      if (!hasNext) return asked;
      return asked.catch((cause: unknown) => {
        if (context.signal.aborted || !(cause instanceof ModelError)) throw cause;
        if (cause.isFinal || endsAt <= parts.now().getTime()) throw cause;
        failed += 1;
        const { traceId, tenant } = context;
        const { provider, model } = choice;
        const fields = { err: cause, tenant: tenant.id, traceId, provider, model };
        parts.log.warn({ ...fields, alert: "model_fallback" }, "model failed; asking the next");
        return askNext(request, inputTokens);
      });
    };

    return {
      takesEarlier: choices.some(({ provider }) => !parts.providers.get(provider)?.isBuiltIn),
      ask: (request) => {
        const inputTokens = mostInputTokens(request);
        if (inputTokens > MOST_INPUT_TOKENS) {
          const refusal = refuse("PROMPT_TOO_LARGE", context.locale);
          return Promise.resolve({ kind: "refused", refusal });
        }
        return askNext(request, inputTokens);
      },
    };
  },
});

type Decision = "allowed" | "refused" | "failed";
type Detail = Readonly<Record<string, string | number>>;

interface Limits {
  readonly inputTokens: number;
  /** When the turn must be over, epoch milliseconds. */
  readonly endsAt: number;
  readonly hasNext: boolean;
}

const askOne = async (
  parts: ModelsParts,
  context: Context,
  choice: ModelChoice,
  request: Omit<ModelRequest, "model">,
  limits: Limits,
): Promise<Asked> => {
  const { tenant, locale, signal } = context;
  const provider = parts.providers.get(choice.provider);
  if (!provider) throw new ModelError("MODEL_UNAVAILABLE", `no provider ${choice.provider}`);
  signal.throwIfAborted();

  const startedAt = parts.now();
  const price = parts.prices.priceOf(choice.provider, choice.model, startedAt);
  const hasBudget = tenant.monthlyBudgetUsd !== undefined;
  const { metrics = NO_METRICS } = parts;
  const ended = (decision: Decision, code: string, cost: NanoUsd, detail: Detail): void => {
    const scope = tenantScope(tenant.id);
    const durationMs = parts.now().getTime() - startedAt.getTime();
    metrics.modelAsked(scope, choice.provider, code, durationMs, toUsd(cost));
    // Where a turn's data went is on record, also where that cost nothing; what is built in tells nobody.
    if (provider.isBuiltIn && decision !== "refused") return;
    const { traceId, message } = context;
    context.record({
      at: startedAt,
      traceId,
      scope,
      message,
      action: "model.call",
      subject: `${choice.provider}/${choice.model}`,
      decision,
      code,
      durationMs,
      detail: { region: choice.region, ...detail },
    });
  };
  const refused = (code: RefusalCode, detail: Detail): Asked => {
    const { provider, model } = choice;
    parts.log.warn({ tenant: tenant.id, provider, model, code, ...detail }, "model not asked");
    ended("refused", code, 0, detail);
    return { kind: "refused", refusal: refuse(code, locale) };
  };
  if (price.kind === "unknown" && hasBudget) {
    return refused("PRICE_UNKNOWN", { missing: price.missing });
  }

  const rates = price.kind === "known" ? price.usdPerMillion : undefined;
  const isFree = rates !== undefined && rates.input === 0 && rates.output === 0;
  const costs = ({ inputTokens, outputTokens }: ModelTurn["usage"]): NanoUsd =>
    rates ? costOf(inputTokens, rates.input) + costOf(outputTokens, rates.output) : 0;
  const cap = request.maxOutputTokens ?? (hasBudget && !isFree ? USUAL_OUTPUT_TOKENS : undefined);
  const most = costs({
    inputTokens: limits.inputTokens,
    outputTokens: cap ?? USUAL_OUTPUT_TOKENS,
  });
  let reservation: Reservation | undefined;
  if (rates && !isFree) {
    reservation = await parts.budget.reserve(tenant, most);
    if (!reservation) return refused("BUDGET_EXCEEDED", { neededUsd: toUsd(most) });
  }
  // Behind a spread V8 adds a property by a slow way, and makes a shape of its own for each object.
  const named = { model: choice.model, maxOutputTokens: cap };
  const capped: ModelRequest = Object.assign({}, request, named);
  try {
    const turn = await (provider.isBuiltIn
      ? provider.generate(capped, NEVER)
      : withPatience(parts, signal, provider, capped, limits));
    const cost = costs(turn.usage);
    if (reservation) await reservation.settle(cost);
    const { inputTokens, outputTokens } = turn.usage;
    const detail = rates
      ? { inputTokens, outputTokens, costUsd: toUsd(cost) }
      : { inputTokens, outputTokens };
    ended("allowed", "OK", cost, detail);
    return { kind: "turn", turn };
  } catch (cause) {
    // What may have been billed is charged in full; nobody tells what it was.
    const isUnbilled = cause instanceof ModelError && cause.isUnbilled;
    const charged = reservation && !isUnbilled ? most : 0;
    await reservation?.settle(charged);
    const code = cause instanceof ModelError ? cause.code : "STOPPED";
    ended("failed", code, charged, charged > 0 ? { costUsd: toUsd(charged) } : {});
    throw cause;
  }
};

// What is built in answers at once: there is nothing to end.
const NEVER = new AbortController().signal;

/**
 * Ends a call that takes longer than the turn has left, or, with another model to ask, one that
 * says nothing for too long.
 */
const withPatience = async (
  { patienceMs = PATIENCE_MS, now }: ModelsParts,
  { abortSignal: signal }: TurnSignal,
  provider: ModelProvider,
  request: ModelRequest,
  { endsAt, hasNext }: Limits,
): Promise<ModelTurn> => {
  // AbortSignal.any costs five times as much as one signal that hears the other.
  const ending = new AbortController();
  const stop = () => ending.abort(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  let timer: NodeJS.Timeout | undefined;
  const endAfter = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const text = `asking ${provider.name} (model ${request.model}) took longer than ${ms} ms`;
      ending.abort(new ModelError("MODEL_TIMEOUT", text));
    }, ms);
  };
  const remainingMs = Math.max(1, endsAt - now().getTime());
  endAfter(hasNext ? Math.min(patienceMs, remainingMs) : remainingMs);
  let isAlive = false;
  const { onText } = request;
  const heard = (text: string): void => {
    if (!isAlive) endAfter(remainingMs);
    isAlive = true;
    onText?.(text);
  };
  try {
    return await provider.generate(onText ? { ...request, onText: heard } : request, ending.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
};
