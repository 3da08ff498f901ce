import type { ChannelAdapter } from "../contract/channel.ts";
import type { Counters } from "../delivery/counters.ts";
import type { Family } from "./family.ts";

export interface ProcessFiguresParts {
  readonly counters: Counters;
  readonly adapters: ReadonlyMap<string, Pick<ChannelAdapter, "fault">>;
  readonly version: string;
}

/**
 * What this process is and does beside the series; the names that begin with `process_` mean what
 * they mean everywhere.
 * @see https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
 */
export const processFamilies = (parts: ProcessFiguresParts): readonly Family[] => {
  const { counters, adapters, version } = parts;
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    counter(
      "clawgate_dead_letters_total",
      "Messages given up, or their reply, until an operator replays them",
      counters.deadLetters,
    ),
    counter(
      "clawgate_turns_taken_over_total",
      "Turns begun that another process had begun and died over",
      counters.takenOver,
    ),
    counter(
      "clawgate_budget_alerts_total",
      "Times that a tenant's contacts were to be told of its budget",
      counters.budgetAlerts,
    ),
    counter(
      "clawgate_rate_limited_total",
      "Messages over their sender's or their tenant's rate limit",
      counters.rateLimited,
    ),
    {
      name: "clawgate_channel_faulty",
      type: "gauge",
      labels: ["channel"],
      help: "1 where an operator has to put something right before the channel works",
      samples: [...adapters].map(([channel, adapter]) => ({
        values: [channel],
        value: adapter.fault?.() === undefined ? 0 : 1,
      })),
    },
    {
      name: "clawgate_build_info",
      type: "gauge",
      labels: ["version", "node"],
      help: "Always 1; the labels say what runs",
      samples: [{ values: [version, process.version], value: 1 }],
    },
    counter(
      "process_cpu_seconds_total",
      "Processor time in user and system mode",
      (user + system) / 1e6,
    ),
    gauge("process_resident_memory_bytes", "Resident memory", rss),
    gauge(
      "process_start_time_seconds",
      "Start of the process in seconds since 1970",
      Math.round(performance.timeOrigin) / 1000,
    ),
    gauge("nodejs_heap_size_used_bytes", "Heap of JavaScript that is in use", heapUsed),
  ];
};

const plain = (name: string, help: string, value: number) => ({
  name,
  help,
  labels: [],
  samples: [{ values: [], value }],
});

const counter = (name: string, help: string, value: number): Family => ({
  ...plain(name, help, value),
  type: "counter",
});

const gauge = (name: string, help: string, value: number): Family => ({
  ...plain(name, help, value),
  type: "gauge",
});
