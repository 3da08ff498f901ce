import type { InboundMessage } from "../contract/message.ts";
import type { Locale } from "../contract/model.ts";
import type { Reply } from "../contract/reply.ts";
import type { LegalHolds } from "../memory/legal-holds.ts";
import type { Memory } from "../memory/memory.ts";
import { personOf } from "../memory/person.ts";
import type { ReviewQueue } from "../reviews/reviews.ts";
import type { Context, Stage } from "../stage.ts";
import { tenantScope } from "../store/scope.ts";

export interface ForgetParts {
  readonly memory: Pick<Memory, "eraseMost" | "eraserOf">;
  readonly holds: Pick<LegalHolds, "isHeld">;
  readonly reviews: Pick<ReviewQueue, "withdraw">;
  readonly now: () => Date;
}

/**
 * Answers `/forget`: takes back what is held of whoever says it, and erases what is remembered of
 * them, the last of it with the reply that says so.
 */
export const forget =
  (parts: ForgetParts): Stage =>
  (context, next) =>
    isForget(context.message) ? erased(parts, context) : next(context);

const erased = async (
  { memory, holds, reviews, now }: ForgetParts,
  context: Context,
): Promise<Reply> => {
  const { message, tenant, locale, traceId } = context;
  const scope = tenantScope(tenant.id);
  const isHeld = await holds.isHeld(scope, personOf(message));
  context.record({
    at: now(),
    traceId,
    scope,
    message,
    action: "memory.erase",
    subject: "own",
    ...(isHeld
      ? ({ decision: "refused", code: "LEGAL_HOLD" } as const)
      : ({ decision: "allowed", code: "OK" } as const)),
    durationMs: 0,
  });
  if (isHeld) return { kind: "text", markdown: HELD[locale] };
  // Released later, it would be remembered after all.
  await reviews.withdraw(message, traceId, scope);
  await memory.eraseMost(scope, personOf(message));
  const erase = await memory.eraserOf(scope, personOf(message));
  context.keep(async (transaction) => {
    await erase(transaction);
  });
  return { kind: "text", markdown: FORGOTTEN[locale] };
};

const isForget = ({ content }: InboundMessage): boolean =>
  content.kind === "text" && content.text.trim().toLowerCase() === "/forget";

const FORGOTTEN: Readonly<Record<Locale, string>> = {
  en: "Forgotten: nothing of our earlier conversations is remembered any more, and nothing that you sent waits for a reviewer.",
  "zh-Hant": "已忘記：先前的對話內容已全部清除，待審核的內容也已撤回。",
  "zh-Hans": "已忘记：之前的对话内容已全部清除，待审核的内容也已撤回。",
};

const HELD: Readonly<Record<Locale, string>> = {
  en: "Your organisation must keep these conversations for now (legal hold), so nothing was erased. Please ask your administrator.",
  "zh-Hant": "您的組織目前依法須保留這些對話，因此沒有清除任何內容，請聯絡管理員。",
  "zh-Hans": "您的组织目前依法须保留这些对话，因此没有清除任何内容，请联系管理员。",
};
