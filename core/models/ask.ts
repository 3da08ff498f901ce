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
    let left = [...choices];
    return {
      takesEarlier: choices.some(({ provider }) => !parts.providers.get(provider)?.isBuiltIn),
      ask: async (request) => {
        const { locale, traceId, tenant } = context;
        const inputTokens = mostInputTokens({ model: "", ...request });
        if (inputTokens > MOST_INPUT_TOKENS) {
          return { kind: "refused", refusal: refuse("PROMPT_TOO_LARGE", locale) };
        }
        for (;;) {
          const [choice, ...others] = left;
          if (!choice) throw new ModelError("MODEL_UNAVAILABLE", "no model is left to ask");
          try {
            const remainingMs = endsAt - parts.now().getTime();
            const times = { remainingMs, hasNext: others.length > 0, inputTokens };
            return await askOne(parts, context, choice, request, times);
          } catch (cause) {
            if (context.signal.aborted || !(cause instanceof ModelError)) throw cause;
            const isOver = others.length === 0 || endsAt <= parts.now().getTime();
            if (cause.isFinal || isOver) throw cause;
            left = others;
            const { provider, model } = choice;
            const fields = { err: cause, tenant: tenant.id, traceId, provider, model };
            parts.log.warn({ ...fields, alert: "model_fallback" }, "model failed; asking the next");
          }
        }
      },
    };
  },
});

interface Limits {
  readonly inputTokens: number;
  readonly remainingMs: number;
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
  const count = (code: string, cost: NanoUsd): void => {
    const ms = parts.now().getTime() - startedAt.getTime();
    metrics.modelAsked(tenantScope(tenant.id), choice.provider, code, ms, toUsd(cost));
  };
  const refused = (code: RefusalCode, detail: Readonly<Record<string, string | number>>): Asked => {
    putOnRecord(parts, context, choice, { startedAt, decision: "refused", code, detail });
    parts.log.warn({ tenant: tenant.id, ...nameOf(choice), code, ...detail }, "model not asked");
    count(code, 0);
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
  // Where a turn's data went is on record, also where that cost nothing; what is built in tells nobody.
  const told = (call: Call): void => {
    if (!provider.isBuiltIn) putOnRecord(parts, context, choice, call);
  };
  const capped = {
    model: choice.model,
    ...request,
    ...(cap !== undefined && { maxOutputTokens: cap }),
  };
  try {
    const turn = await withPatience(parts, context, choice, limits, (ending, alive) => {
      const { onText } = request;
      const show = (text: string): void => {
        alive();
        onText?.(text);
      };
      return provider.generate({ ...capped, ...(onText && { onText: show }) }, ending);
    });
    const cost = costs(turn.usage);
    await reservation?.settle(cost);
    count("OK", cost);
    const { inputTokens, outputTokens } = turn.usage;
    const detail = { inputTokens, outputTokens, ...(rates && { costUsd: toUsd(cost) }) };
    told({ startedAt, decision: "allowed", code: "OK", detail });
    return { kind: "turn", turn };
  } catch (cause) {
    // What may have been billed is charged in full; nobody tells what it was.
    const isUnbilled = cause instanceof ModelError && cause.isUnbilled;
    const charged = reservation && !isUnbilled ? most : 0;
    await reservation?.settle(charged);
    const code = cause instanceof ModelError ? cause.code : "STOPPED";
    count(code, charged);
    const detail = charged > 0 ? { costUsd: toUsd(charged) } : {};
    told({ startedAt, decision: "failed", code, detail });
    throw cause;
  }
};

/**
 * Ends a call that takes longer than the turn has left, or, with another model to ask, one that
 * says nothing for too long: `alive` tells that it began to answer.
 */
const withPatience = async <T>(
  { patienceMs = PATIENCE_MS }: ModelsParts,
  { signal }: Context,
  { provider, model }: ModelChoice,
  { remainingMs, hasNext }: Limits,
  call: (signal: AbortSignal, alive: () => void) => Promise<T>,
): Promise<T> => {
  // AbortSignal.any costs five times as much as one signal that hears the other.
  const ending = new AbortController();
  const stop = () => ending.abort(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  let timer: NodeJS.Timeout | undefined;
  const endAfter = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const text = `asking ${provider} (model ${model}) took longer than ${ms} ms`;
      ending.abort(new ModelError("MODEL_TIMEOUT", text));
    }, ms);
  };
  endAfter(hasNext ? Math.min(patienceMs, remainingMs) : Math.max(1, remainingMs));
  let isAlive = false;
  const alive = () => {
    if (!isAlive) endAfter(Math.max(1, remainingMs));
    isAlive = true;
  };
  try {
    return await call(ending.signal, alive);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
};

const nameOf = ({ provider, model }: ModelChoice) => ({ provider, model });

interface Call {
  readonly startedAt: Date;
  readonly decision: "allowed" | "refused" | "failed";
  readonly code: string;
  readonly detail: Readonly<Record<string, string | number>>;
}

const putOnRecord = (
  { now }: ModelsParts,
  context: Context,
  { provider, model, region }: ModelChoice,
  { startedAt, detail, ...outcome }: Call,
): void => {
  const { traceId, message, tenant } = context;
  context.record({
    at: startedAt,
    traceId,
    scope: tenantScope(tenant.id),
    message,
    action: "model.call",
    subject: `${provider}/${model}`,
    ...outcome,
    durationMs: now().getTime() - startedAt.getTime(),
    detail: { region, ...detail },
  });
};
