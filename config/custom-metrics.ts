/** A series of ours that can be shown under a name of the customer's. */
export type SharedSeries = "turn_seconds" | "model_cost" | "skill_runs";

interface CustomMetric {
  readonly type: "counter" | "gauge" | "histogram";
  readonly shows: SharedSeries;
}

// By name: what a name means is told nowhere else, so what is not here cannot be measured.
const KNOWN: ReadonlyMap<string, CustomMetric> = new Map([
  ["openclaw_agent_response_time_seconds", { type: "histogram", shows: "turn_seconds" }],
  ["openclaw_llm_api_cost_usd", { type: "counter", shows: "model_cost" }],
  ["openclaw_skill_execution_total", { type: "counter", shows: "skill_runs" }],
]);

/** What a metric of this name and type shows; undefined where this version cannot tell. */
export const shownBy = (wanted: { name: string; type: string }): SharedSeries | undefined => {
  const known = KNOWN.get(wanted.name);
  return known?.type === wanted.type ? known.shows : undefined;
};
