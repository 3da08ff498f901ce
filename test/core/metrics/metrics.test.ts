import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ChannelMetrics, kindOf } from "../../../core/contract/metrics.ts";
import { exposition } from "../../../core/metrics/exposition.ts";
import type { Family } from "../../../core/metrics/family.ts";
import { createMetrics } from "../../../core/metrics/metrics.ts";
import { refuse } from "../../../core/refuse.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../../core/store/scope.ts";
import { readExposition } from "../../fakes/exposition-text.ts";

const sales = tenantScope("sales");
const hr = tenantScope("hr");

/** What a scrape shows of one name, with the values of its labels. */
const shown = async (families: readonly Family[], name: string) =>
  readExposition(await exposition(families))
    .filter((sample) => sample.name === name)
    .map(({ labels, value }) => [...Object.values(labels), value]);

describe("what is counted", () => {
  it("is told apart by tenant, channel, kind, stage and outcome", async () => {
    const metrics = createMetrics();
    metrics.told(sales, "slack", "text", "store", "new");
    metrics.told(sales, "slack", "text", "store", "new");
    metrics.told(sales, "slack", "text", "store", "duplicate");
    metrics.told(hr, "slack", "text", "store", "new");
    metrics.ofChannel(PLATFORM_SCOPE, "wechat_work").refused("verify", "RECEIVE_ID");
    expect(await shown(metrics.families(), "clawgate_callbacks_total")).toEqual([
      ["sales", "slack", "text", "store", "new", 2],
      ["sales", "slack", "text", "store", "duplicate", 1],
      ["hr", "slack", "text", "store", "new", 1],
      ["_platform", "wechat_work", "unread", "verify", "refused", 1],
    ]);
    expect(await shown(metrics.families(), "clawgate_callbacks_refused_total")).toEqual([
      ["wechat_work", "RECEIVE_ID", 1],
    ]);
  });

  it("says of turns what was decided, of refusals the code, and of silence no time", async () => {
    const metrics = createMetrics();
    metrics.turnEnded(sales, "slack", { kind: "text", markdown: "hi" }, 1, 500);
    metrics.turnEnded(sales, "slack", refuse("RATE_LIMITED", "en"), 2, 125);
    metrics.turnEnded(sales, "slack", { kind: "silence", reason: "STOPPED" }, 1, 9_000);
    const families = metrics.families();
    expect(await shown(families, "clawgate_turns_total")).toEqual([
      ["sales", "slack", "answered", "first", 1],
      ["sales", "slack", "refused", "again", 1],
      ["sales", "slack", "silent", "first", 1],
    ]);
    expect(await shown(families, "clawgate_refusals_total")).toEqual([
      ["sales", "slack", "RATE_LIMITED", 1],
    ]);
    expect(await shown(families, "clawgate_turn_seconds_count")).toEqual([["slack", 2]]);
    expect(await shown(families, "clawgate_turn_seconds_sum")).toEqual([["slack", 0.625]]);
  });

  it("puts a time that is the end of a bucket into that bucket", async () => {
    const metrics = createMetrics();
    const channel = metrics.ofChannel(PLATFORM_SCOPE, "discord");
    for (const ms of [-5, 2_000, 2_001, 60_000]) channel.acknowledged(ms);
    const buckets = await shown(metrics.families(), "clawgate_callback_ack_seconds_bucket");
    const at = (le: string) => buckets.find((bucket) => bucket.includes(le))?.at(-1);
    expect([at("0.005"), at("1"), at("2"), at("3"), at("+Inf")]).toEqual([1, 1, 2, 3, 4]);
  });

  it("adds up what models cost and skills did, by tenant", async () => {
    const metrics = createMetrics();
    metrics.modelAsked(sales, "claude", "OK", 1_200, 0.25);
    metrics.modelAsked(sales, "claude", "MODEL_TIMEOUT", 9_000, 0.5);
    metrics.skillRan(hr, "calculator", "SKILL_TIMEOUT", 30_000);
    const families = metrics.families();
    expect(await shown(families, "clawgate_model_cost_usd_total")).toEqual([
      ["sales", "claude", 0.75],
    ]);
    expect(await shown(families, "clawgate_model_calls_total")).toEqual([
      ["sales", "claude", "OK", 1],
      ["sales", "claude", "MODEL_TIMEOUT", 1],
    ]);
    expect(await shown(families, "clawgate_skill_runs_total")).toEqual([
      ["hr", "calculator", "SKILL_TIMEOUT", 1],
    ]);
  });

  it("has the same series for every channel", async () => {
    const metrics = createMetrics();
    const names = ["wechat_work", "slack", "discord"];
    for (const name of names) {
      const channel = metrics.ofChannel(PLATFORM_SCOPE, name);
      channel.apiAnswered(0);
      channel.tokenRefreshed(true);
      channel.streamEnded(340_000);
      channel.connectionChanged("gained");
      metrics.sendEnded(sales, name, "retry", 3);
    }
    const families = metrics.families();
    const of = (...values: readonly (string | number)[]) => names.map((name) => [name, ...values]);
    expect(await shown(families, "clawgate_platform_api_calls_total")).toEqual(of("0", 1));
    expect(await shown(families, "clawgate_token_refreshes_total")).toEqual(of("granted", 1));
    expect(await shown(families, "clawgate_stream_age_seconds_sum")).toEqual(of(340));
    expect(await shown(families, "clawgate_connection_changes_total")).toEqual(of("gained", 1));
    expect(await shown(families, "clawgate_sends_total")).toEqual(
      names.map((name) => ["sales", name, "retry", "again", 1]),
    );
  });

  it("calls a message with a file after the file, and others after what they are", () => {
    const file = { kind: "image", name: "a.png", ref: "r" } as const;
    expect(kindOf({ kind: "text", text: "", attachments: [file] })).toBe("image");
    expect(kindOf({ kind: "text", text: "hi", attachments: [] })).toBe("text");
    expect(kindOf({ kind: "unsupported", type: "PLANTED" })).toBe("unsupported");
  });
});

describe("codes that a platform answers with", () => {
  const answered = async (count: (channel: ChannelMetrics) => void) => {
    const metrics = createMetrics();
    count(metrics.ofChannel(PLATFORM_SCOPE, "slack"));
    return shown(metrics.families(), "clawgate_platform_api_calls_total");
  };

  it("attack: a platform that makes codes up makes a hundred series, and one for the rest", async () => {
    const series = await answered((channel) => {
      for (let code = 0; code < 5_000; code++) channel.apiAnswered(code);
    });
    expect(series).toHaveLength(101);
    expect(series.at(-1)).toEqual(["slack", "other", 4_900]);
  });

  it("attack: what is no code never becomes a label, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 100 }), async (code) => {
        const series = await answered((channel) => channel.apiAnswered(code));
        const isCode = /^[A-Za-z0-9_.:-]{1,64}$/.test(code);
        expect(series).toEqual([["slack", isCode ? code : "other", 1]]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("the text of a scrape", () => {
  it("can be read back whatever stands in help and labels", async () => {
    const text = fc.string({ unit: "binary", maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(text, text, fc.nat(), async (label, words, value) => {
        const [name, help] = ["a_total", `x${words}`];
        const samples = [{ values: [label], value }];
        const family = { name, help, labels: ["l"], type: "counter", samples } as const;
        expect(readExposition(await exposition([family]))).toEqual([
          { name, labels: { l: label }, value },
        ]);
      }),
      { numRuns: 60 },
    );
  });

  it("names every series once, with its help, when nothing was counted yet", async () => {
    const text = await exposition(createMetrics().families());
    expect(readExposition(text)).toEqual([]);
    expect(text.match(/^# HELP clawgate_/gm)).toHaveLength(16);
  });
});
