import type { SharedSeries } from "../../config/custom-metrics.ts";
import type { ChannelMetrics, Metrics, Whose } from "../contract/metrics.ts";
import { createBoundedValues } from "./bounded-values.ts";
import type { Family } from "./family.ts";
import { createCounter, createHistogram } from "./series.ts";

/** Metrics that can be read: the series of this process, since it started. */
export interface CountedMetrics extends Metrics {
  families(): readonly Family[];
  /** Those that `custom_metrics` may show under a name of the customer's. */
  readonly shared: Readonly<Record<SharedSeries, () => Family>>;
}

/** WeCom hangs up after 5 s, Slack and Discord after 3 s; 2 s is where an alarm belongs. */
const ACK_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10];
const WORK_BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** WeCom closes a stream 6 minutes after its message, and we 30 s before. */
const STREAM_BOUNDS = [1, 5, 15, 30, 60, 120, 240, 330, 360, 600];

/** All at nought. */
export const createMetrics = (): CountedMetrics => {
  const callbacks = createCounter({
    name: "clawgate_callbacks_total",
    help: "What platforms told us, by kind, how far it came and what became of it",
    labels: ["tenant", "channel", "kind", "stage", "outcome"],
  });
  const refused = createCounter({
    name: "clawgate_callbacks_refused_total",
    help: "Requests to webhooks that were forged, stale or unreadable, by the code that the log has",
    labels: ["channel", "reason"],
  });
  const acks = createHistogram({
    name: "clawgate_callback_ack_seconds",
    help: "From the arrival of a callback to its acknowledgement",
    labels: ["channel"],
    bounds: ACK_BOUNDS,
  });
  const turns = createCounter({
    name: "clawgate_turns_total",
    help: "Turns that ended, by what was decided; attempt again = a process died over it before",
    labels: ["tenant", "channel", "decision", "attempt"],
  });
  const turnSeconds = createHistogram({
    name: "clawgate_turn_seconds",
    help: "From the storing of a message to the storing of its reply, silence left out",
    labels: ["channel"],
    bounds: WORK_BOUNDS,
  });
  const refusals = createCounter({
    name: "clawgate_refusals_total",
    help: "Replies that say no, by their stable code",
    labels: ["tenant", "channel", "code"],
  });
  const sends = createCounter({
    name: "clawgate_sends_total",
    help: "Tries to deliver a part by the platform's API, by what came of them",
    labels: ["tenant", "channel", "outcome", "attempt"],
  });
  const modelCalls = createCounter({
    name: "clawgate_model_calls_total",
    help: "Calls of models, by outcome: OK or the code of the failure or refusal",
    labels: ["tenant", "provider", "outcome"],
  });
  const modelSeconds = createHistogram({
    name: "clawgate_model_call_seconds",
    help: "How long models took to answer, or to fail",
    labels: ["provider"],
    bounds: WORK_BOUNDS,
  });
  const modelCost = createCounter({
    name: "clawgate_model_cost_usd_total",
    help: "What calls of models cost in US dollars, as far as their prices are known",
    labels: ["tenant", "provider"],
  });
  const skillRuns = createCounter({
    name: "clawgate_skill_runs_total",
    help: "Calls of skills, by verdict: OK or the code of the refusal",
    labels: ["tenant", "skill", "verdict"],
  });
  const skillSeconds = createHistogram({
    name: "clawgate_skill_run_seconds",
    help: "How long calls of skills took",
    labels: ["skill"],
    bounds: WORK_BOUNDS,
  });
  const apiCalls = createCounter({
    name: "clawgate_platform_api_calls_total",
    help: "Calls of platforms' APIs, by the platform's code or how there was none",
    labels: ["channel", "code"],
  });
  const tokenRefreshes = createCounter({
    name: "clawgate_token_refreshes_total",
    help: "Times that a platform was asked for a new access token",
    labels: ["channel", "outcome"],
  });
  const streams = createHistogram({
    name: "clawgate_stream_age_seconds",
    help: "How old answers that grow before people's eyes were when they stopped growing",
    labels: ["channel"],
    bounds: STREAM_BOUNDS,
  });
  const connections = createCounter({
    name: "clawgate_connection_changes_total",
    help: "Connections to platforms that this process gained, gave up or lost, that went up or down",
    labels: ["channel", "change"],
  });

  const told: Metrics["told"] = ({ tenantId }, channel, kind, stage, outcome) =>
    callbacks.add(1, tenantId, channel, kind, stage, outcome);

  const ofChannel = (whose: Whose, channel: string): ChannelMetrics => {
    const code = createBoundedValues();
    const reasonOf = createBoundedValues();
    return {
      told: (kind, stage, outcome) => told(whose, channel, kind, stage, outcome),
      refused: (stage, reason) => {
        told(whose, channel, "unread", stage, "refused");
        refused.add(1, channel, reasonOf(reason));
      },
      acknowledged: (ms) => acks.observe(ms, channel),
      apiAnswered: (answered) => apiCalls.add(1, channel, code(answered)),
      tokenRefreshed: (isGranted) =>
        tokenRefreshes.add(1, channel, isGranted ? "granted" : "refused"),
      streamEnded: (ms) => streams.observe(ms, channel),
      connectionChanged: (change) => connections.add(1, channel, change),
    };
  };

  return {
    told,
    ofChannel,
    turnEnded: ({ tenantId }, channel, reply, attempt, ms) => {
      turns.add(1, tenantId, channel, DECISIONS[reply.kind], attemptOf(attempt));
      if (reply.kind === "refusal") refusals.add(1, tenantId, channel, reply.code);
      if (reply.kind !== "silence") turnSeconds.observe(ms, channel);
    },
    sendEnded: ({ tenantId }, channel, outcome, attempt) =>
      sends.add(1, tenantId, channel, outcome, attemptOf(attempt)),
    modelAsked: ({ tenantId }, provider, outcome, ms, costUsd) => {
      modelCalls.add(1, tenantId, provider, outcome);
      modelSeconds.observe(ms, provider);
      modelCost.add(costUsd, tenantId, provider);
    },
    skillRan: ({ tenantId }, skill, verdict, ms) => {
      skillRuns.add(1, tenantId, skill, verdict);
      skillSeconds.observe(ms, skill);
    },
    families: () =>
      [
        ...[callbacks, refused, acks, turns, turnSeconds, refusals, sends],
        ...[modelCalls, modelSeconds, modelCost, skillRuns, skillSeconds],
        ...[apiCalls, tokenRefreshes, streams, connections],
      ].map((series) => series.family()),
    shared: {
      turn_seconds: turnSeconds.family,
      model_cost: modelCost.family,
      skill_runs: skillRuns.family,
    },
  };
};

const DECISIONS = { text: "answered", refusal: "refused", silence: "silent" } as const;

const attemptOf = (attempt: number): string => (attempt > 1 ? "again" : "first");
