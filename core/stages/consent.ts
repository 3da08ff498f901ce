import type { AuditRecord } from "../audit-log.ts";
import type { InboundMessage } from "../contract/message.ts";
import type { Locale } from "../contract/model.ts";
import type { Reply } from "../contract/reply.ts";
import type { Consents } from "../data-rights/consents.ts";
import { personOf } from "../memory/person.ts";
import { refuse } from "../refuse.ts";
import type { Context, Next, Stage } from "../stage.ts";
import { tenantScope } from "../store/scope.ts";
import type { Work } from "../store/store.ts";

export interface ConsentParts {
  readonly consents: Pick<Consents, "isGiven" | "whileGiven" | "prepare">;
  readonly now: () => Date;
}

/** Version of what `CONSENT_NEEDED` says; with another one, everybody is asked anew. */
const WORDING = "1";

/**
 * Where the tenant asks for consent: nothing of a person goes on before they said yes to what is done
 * with it. Answers `/consent`, `/consent yes` and `/consent no`.
 */
export const consent =
  (parts: ConsentParts): Stage =>
  (context, next) => {
    const asked = askedIn(context.message);
    if (context.tenant.requiresConsent) return withConsent(parts, context, asked, next);
    return asked ? { kind: "text", markdown: NOT_ASKED[context.locale] } : next(context);
  };

const withConsent = async (
  { consents, now }: ConsentParts,
  context: Context,
  asked: Asked | undefined,
  next: Next,
): Promise<Reply> => {
  const { message, tenant, locale } = context;
  const scope = tenantScope(tenant.id);
  const person = personOf(message);
  if (asked === "yes" || asked === "no") {
    context.keep(await consents.prepare(scope, person, { decision: asked, wording: WORDING }));
    const record: AuditRecord = {
      at: now(),
      traceId: context.traceId,
      scope,
      message,
      action: "consent",
      subject: asked,
      decision: "allowed",
      code: "OK",
      durationMs: 0,
      detail: { wording: WORDING },
    };
    context.record(record);
    return { kind: "text", markdown: DECIDED[asked][locale] };
  }
  const isGiven = () => consents.isGiven(scope, person, WORDING);
  const refused = () => refuse("CONSENT_NEEDED", locale, tenant.name);
  if (!(await isGiven())) return refused();
  if (asked === "status") return { kind: "text", markdown: GIVEN[locale] };
  const kept: Work<void>[] = [];
  const reply = await next({ ...context, keep: (work) => void kept.push(work) });
  // They may have taken it back meanwhile, in another conversation: then nothing is kept of it.
  if (!(await isGiven())) return refused();
  if (kept.length > 0) context.keep(await consents.whileGiven(scope, person, WORDING, kept));
  return reply;
};

const COMMAND = "/consent";
const SAID = new RegExp(`^\\s*(/?)${COMMAND.slice(1)}(?:\\s+(yes|no))?\\s*$`, "i");

type Asked = "yes" | "no" | "status";

/** What a message asks of this stage. Chat tools that keep the slash for themselves need none to decide. */
const askedIn = ({ content }: InboundMessage): Asked | undefined => {
  if (content.kind !== "text") return undefined;
  const said = SAID.exec(content.text);
  if (!said) return undefined;
  const decision = said[2]?.toLowerCase();
  if (decision === "yes" || decision === "no") return decision;
  return said[1] === "" ? undefined : "status";
};

const DECIDED: Readonly<Record<"yes" | "no", Readonly<Record<Locale, string>>>> = {
  yes: {
    en: "Thank you, your consent is on record. Please ask your question again. `/consent no` takes it back at any time.",
    "zh-Hant": "謝謝，您的同意已記錄。請重新輸入您的問題；您可隨時輸入 `/consent no` 撤回同意。",
    "zh-Hans": "谢谢，您的同意已记录。请重新输入您的问题；您可随时输入 `/consent no` 撤回同意。",
  },
  no: {
    en: "Understood: nothing that you write here is processed from now on. `/forget` erases what is remembered, `/consent yes` changes your mind.",
    "zh-Hant":
      "了解，之後您在此輸入的內容不會再被處理。輸入 `/forget` 可清除已記住的內容，輸入 `/consent yes` 可改為同意。",
    "zh-Hans":
      "了解，之后您在此输入的内容不会再被处理。输入 `/forget` 可清除已记住的内容，输入 `/consent yes` 可改为同意。",
  },
};

const GIVEN: Readonly<Record<Locale, string>> = {
  en: "You have consented. `/consent no` takes it back.",
  "zh-Hant": "您已同意。輸入 `/consent no` 可撤回同意。",
  "zh-Hans": "您已同意。输入 `/consent no` 可撤回同意。",
};

const NOT_ASKED: Readonly<Record<Locale, string>> = {
  en: "Your organisation does not ask for consent here.",
  "zh-Hant": "您的組織在此不需要您另外同意。",
  "zh-Hans": "您的组织在此不需要您另外同意。",
};
