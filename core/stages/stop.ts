import type { Locale } from "../contract/model.ts";
import type { Reply } from "../contract/reply.ts";
import { conversationLane, isStop } from "../delivery/lane.ts";
import type { RunningTurns } from "../delivery/running-turns.ts";
import type { Context, Stage } from "../stage.ts";

/** Answers `/stop`: ends the running turn of its conversation. */
export const stop =
  (turns: RunningTurns): Stage =>
  (context, next) =>
    isStop(context.message) ? stopTurn(turns, context) : next(context);

const stopTurn = async (
  turns: RunningTurns,
  { message, tenant, locale }: Context,
): Promise<Reply> => {
  const wasRunning = await turns.stop({ id: conversationLane(message), tenantId: tenant.id });
  return { kind: "text", markdown: (wasRunning ? STOPPED : NOTHING_RUNS)[locale] };
};

const STOPPED: Readonly<Record<Locale, string>> = {
  en: "Stopped.",
  "zh-Hant": "已停止。",
  "zh-Hans": "已停止。",
};

const NOTHING_RUNS: Readonly<Record<Locale, string>> = {
  en: "Nothing is running that could be stopped.",
  "zh-Hant": "目前沒有正在進行的工作可以停止。",
  "zh-Hans": "目前没有正在进行的工作可以停止。",
};
