import type { Settings } from "../../config/schema.ts";
import { monthOf } from "../budget/month.ts";
import { type MonthCost, readMonthCosts } from "../budget/month-costs.ts";
import type { Log } from "../contract/log.ts";
import { readSendQueueAges } from "../delivery/send-queue-age.ts";
import { readDepths } from "../operators/depths.ts";
import type { Store } from "../store/store.ts";
import type { Family, SimpleFamily } from "./family.ts";

/** What the store knows: how much waits, for how long, and what the month has cost. */
export interface StoreFigures {
  /** At most `keepMs` old; without them where the store does not answer in time. Never rejects. */
  families(): Promise<readonly Family[]>;
}

export interface StoreFiguresParts {
  readonly store: Store;
  readonly channels: readonly string[];
  readonly tenants: () => Settings["multi_tenant"]["tenants"];
  readonly now: () => Date;
  readonly log: Log;
  /** A backlog of a million is counted in 60 ms, which an embedded gateway stands still: not often. */
  readonly keepMs?: number;
  /** Prometheus gives a scrape 10 s, and the other figures need no store. */
  readonly waitMs?: number;
}

export const createStoreFigures = (parts: StoreFiguresParts): StoreFigures => {
  const { store, channels, tenants, now, log, keepMs = 10_000, waitMs = 5_000 } = parts;
  let kept: { readonly families: readonly Family[]; readonly at: number } | undefined;
  let reading: Promise<readonly Family[] | undefined> | undefined;

  const read = async (): Promise<readonly Family[]> => {
    const at = now();
    const families = [
      ...depthFamilies(await readDepths(store, at)),
      ...sendQueueFamilies(await readSendQueueAges(store, channels, at)),
      ...(await budgetFamilies(store, tenants(), at)),
    ];
    kept = { families, at: at.getTime() };
    return families;
  };

  /** However many ask at once, the store is asked once. */
  const readOnce = (): Promise<readonly Family[] | undefined> => {
    reading ??= read()
      .catch((err) => {
        log.warn({ err }, "the store's figures cannot be read for metrics");
        return undefined;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  return {
    families: async () => {
      const isFresh = kept && now().getTime() - kept.at < keepMs;
      const found = isFresh ? kept?.families : await within(readOnce(), waitMs);
      const ok: Family = gauge("clawgate_store_figures_ok", OK_HELP, [], [[[], found ? 1 : 0]]);
      return [...(found ?? []), ok];
    },
  };
};

const OK_HELP = "1 where the figures that come from the store are there, 0 where it did not answer";

const within = async <T>(wanted: Promise<T>, ms: number): Promise<T | undefined> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  return Promise.race([wanted, late]).finally(() => clearTimeout(timer));
};

type Samples = readonly (readonly [readonly string[], number])[];

const gauge = (
  name: string,
  help: string,
  labels: readonly string[],
  samples: Samples,
): SimpleFamily => ({
  name,
  help,
  labels,
  type: "gauge",
  samples: samples.map(([values, value]) => ({ values, value })),
});

const depthFamilies = (depths: Awaited<ReturnType<typeof readDepths>>): readonly Family[] => {
  const labels = ["tenant", "state"];
  const of = (value: (depth: (typeof depths)[number]) => number): Samples =>
    depths.map((depth) => [[depth.tenantId, depth.state], value(depth)]);
  return [
    gauge(
      "clawgate_queue_messages",
      "Messages that are not done, by state: waiting for a turn, sending their reply, dead",
      labels,
      of(({ messages }) => messages),
    ),
    gauge(
      "clawgate_queue_oldest_age_seconds",
      "Age of the oldest message in each state, since it arrived",
      labels,
      of(({ oldestAgeSeconds }) => oldestAgeSeconds),
    ),
  ];
};

const sendQueueFamilies = (
  ages: Awaited<ReturnType<typeof readSendQueueAges>>,
): readonly Family[] => {
  const labels = ["tenant", "channel"];
  const of = (value: (age: (typeof ages)[number]) => number): Samples =>
    ages.map((age) => [[age.tenantId, age.channel], value(age)]);
  return [
    gauge(
      "clawgate_send_queue_parts",
      "Parts of replies that are stored and not delivered",
      labels,
      of(({ parts }) => parts),
    ),
    gauge(
      "clawgate_send_queue_oldest_age_seconds",
      "Age of the oldest part that is not delivered, since it was stored",
      labels,
      of(({ oldestAgeSeconds }) => oldestAgeSeconds),
    ),
  ];
};

/** Of the tenants that the settings have, each in its own month. */
const budgetFamilies = async (
  store: Store,
  tenants: Settings["multi_tenant"]["tenants"],
  at: Date,
): Promise<readonly Family[]> => {
  const months = new Map(tenants.map(({ id, time_zone }) => [id, monthOf(at, time_zone)]));
  const [since = monthOf(at)] = [...months.values()].sort();
  const costs = await readMonthCosts(store, since);
  const current = new Map(
    costs.filter(({ tenantId, month }) => months.get(tenantId) === month).map(byTenant),
  );
  const of = (value: (cost: MonthCost | undefined) => number): Samples =>
    tenants.map(({ id }) => [[id], value(current.get(id))]);
  const limits: Samples = tenants.flatMap(({ id, max_api_budget_monthly_usd: limit }) =>
    limit === undefined ? [] : [[[id], limit] as const],
  );
  return [
    gauge(
      "clawgate_budget_spent_usd",
      "What the tenant's models cost this month, in its time zone",
      ["tenant"],
      of((cost) => cost?.spentUsd ?? 0),
    ),
    gauge(
      "clawgate_budget_reserved_usd",
      "The most that calls of models can cost that are under way, or whose process died",
      ["tenant"],
      of((cost) => cost?.reservedUsd ?? 0),
    ),
    gauge("clawgate_budget_limit_usd", "What a month may cost the tenant", ["tenant"], limits),
  ];
};

const byTenant = (cost: MonthCost) => [cost.tenantId, cost] as const;
