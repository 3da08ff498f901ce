import type { ChannelMetrics } from "../../core/contract/metrics.ts";

/** What a channel counts, in order; times are left out, where a test cannot know them. */
export interface RecordedMetrics extends ChannelMetrics {
  readonly counted: string[];
}

export const recordedMetrics = (): RecordedMetrics => {
  const counted: string[] = [];
  const note = (...words: readonly unknown[]): void => void counted.push(words.join(" "));
  return {
    counted,
    told: (kind, stage, outcome) => note("told", kind, stage, outcome),
    refused: (stage, reason) => note("refused", stage, reason),
    acknowledged: (ms) => note("acknowledged", ms >= 0),
    apiAnswered: (code) => note("api", code),
    tokenRefreshed: (isGranted) => note("token", isGranted),
    streamEnded: (ms) => note("stream", ms),
    connectionChanged: (change) => note("connection", change),
  };
};
