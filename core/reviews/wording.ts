import type { Card } from "../contract/card.ts";
import type { Locale } from "../contract/model.ts";
import { newCardId } from "./review-id.ts";
import type { Review, ReviewDecision } from "./reviews.ts";

/** A reviewer need not read more in a chat; the API and the command line show all of it. */
const MAX_SHOWN_UNITS = 3_000;

/** A review with what was said, and the card on which it is decided. */
export const reviewAnswer = (
  review: Review,
  options: {
    readonly locale: Locale;
    /** Nobody but the reviewer reads along. */
    readonly isPrivate: boolean;
    /** How many wait; absent = it was asked for by its id. */
    readonly pending?: number;
    readonly now: Date;
  },
) => {
  const { locale, isPrivate, pending, now } = options;
  const words = WORDS[locale];
  const shown = isPrivate ? quoted(review.held.text, words) : words.onlyDirect;
  return {
    kind: "text",
    markdown: pending === undefined ? shown : `${words.waiting(pending)}\n\n${shown}`,
    card: reviewCard(review, locale, now),
  } as const;
};

const reviewCard = (review: Review, locale: Locale, now: Date): Card => {
  const words = WORDS[locale];
  const { id, held } = review;
  return {
    id: newCardId(id),
    title: words.title[review.direction],
    selects: [],
    fields: [
      { label: words.id, value: id },
      { label: words.sender, value: held.message.sender.displayName || held.message.sender.id },
      { label: words.age, value: words.hours(hoursSince(review, now)) },
      { label: words.terms, value: termsOf(review, words) },
    ],
    buttons: [
      { id: "release", label: words.release, style: "primary" },
      { id: "reject", label: words.reject, style: "danger" },
    ],
  };
};

/**
 * The card of a review after its decision.
 * @param id the card that was clicked
 */
export const decidedCard = (id: string, reviewId: string, status: string, locale: Locale): Card => {
  const words = WORDS[locale];
  return {
    id,
    title: words.decided,
    status,
    fields: [{ label: words.id, value: reviewId }],
    buttons: [],
    selects: [],
  };
};

/** What waits, without what was said. */
export const reviewList = (
  reviews: readonly Review[],
  pending: number,
  locale: Locale,
  now: Date,
): string => {
  const words = WORDS[locale];
  const lines = reviews.map((review) => {
    const hours = words.hours(hoursSince(review, now));
    return `- \`${review.id}\` ${words.title[review.direction]} · ${hours} · ${termsOf(review, words)}`;
  });
  return [words.waiting(pending), "", ...lines, "", words.usage].join("\n");
};

/** That nothing waits. */
export const nothingWaits = (locale: Locale): string => WORDS[locale].nothing;

/** What can be said behind `/review`. */
export const reviewUsage = (locale: Locale): string => WORDS[locale].usage;

/** What a decision came to, for whoever made it. */
export const decisionText = (decision: ReviewDecision, locale: Locale): string => {
  const words = WORDS[locale];
  return decision.kind === "decided" ? words.made[decision.verdict] : words.refused[decision.code];
};

const hoursSince = ({ heldAt }: Review, now: Date): number =>
  Math.max(0, Math.floor((now.getTime() - heldAt.getTime()) / 3_600_000));

const termsOf = ({ held: { terms } }: Review, words: Words): string =>
  terms.length === 0 ? words.classifier : terms.slice(0, 5).join(", ");

/** Somebody's words between fences that nothing in them can close. */
const quoted = (text: string, words: Words): string => {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(longest + 1);
  const rest = text.length - MAX_SHOWN_UNITS;
  const shown = `${fence}\n${text.slice(0, MAX_SHOWN_UNITS).toWellFormed()}\n${fence}`;
  return rest > 0 ? `${shown}\n\n${words.more(rest)}` : shown;
};

type Refused = Extract<ReviewDecision, { readonly kind: "refused" }>["code"];

interface Words {
  /** By direction. */
  readonly title: Readonly<Record<Review["direction"], string>>;
  readonly decided: string;
  readonly id: string;
  readonly sender: string;
  readonly age: string;
  readonly terms: string;
  readonly classifier: string;
  readonly release: string;
  readonly reject: string;
  readonly nothing: string;
  readonly usage: string;
  readonly onlyDirect: string;
  readonly waiting: (pending: number) => string;
  readonly hours: (hours: number) => string;
  readonly more: (units: number) => string;
  readonly made: Readonly<Record<"release" | "reject", string>>;
  readonly refused: Readonly<Record<Refused, string>>;
}

const WORDS: Readonly<Record<Locale, Words>> = {
  en: {
    title: { in: "Held message", out: "Held answer" },
    // WeCom shows five letters of a label.
    decided: "Review",
    id: "ID",
    sender: "From",
    age: "Age",
    terms: "Terms",
    classifier: "a classifier",
    release: "Release",
    reject: "Reject",
    nothing: "Nothing waits for a review.",
    usage:
      "`/review` shows what waits longest, `/review list` what there is, `/review show ID` one of it; `/review release ID` and `/review reject ID` decide.",
    onlyDirect: "What was written is shown in a direct chat with me only.",
    waiting: (pending) => `Waiting for a review: ${pending}`,
    hours: (hours) => `${hours} h`,
    more: (units) =>
      `${units} more characters are not shown here; \`clawgate review list\` and the API show all of it.`,
    made: {
      release: "Released: it goes on, and its sender gets the answer.",
      reject: "Rejected: its sender is told.",
    },
    refused: {
      NOT_FOUND: "There is no such review. `/review list` shows what waits.",
      OWN_MESSAGE: "This is your own message, or the answer to it: somebody else has to decide.",
      ALREADY_RELEASED: "It was released already.",
      ALREADY_REJECTED: "It was rejected already.",
      ALREADY_EXPIRED: "Nobody decided on it within seven days, so it is over.",
      ALREADY_WITHDRAWN: "Its sender took it back: nothing of it goes on.",
      UNREADABLE:
        "It cannot be read any more, so nothing was decided. Please tell your administrator.",
    },
  },
  "zh-Hant": {
    title: { in: "待審核的訊息", out: "待審核的回答" },
    decided: "內容審核",
    id: "編號",
    sender: "提問者",
    age: "已等候",
    terms: "詞條",
    classifier: "分類器",
    release: "放行",
    reject: "駁回",
    nothing: "目前沒有待審核的內容。",
    usage:
      "`/review` 顯示等候最久的一項，`/review list` 列出全部，`/review show 編號` 顯示其中一項；`/review release 編號` 放行，`/review reject 編號` 駁回。",
    onlyDirect: "內文只在與我的私訊中顯示。",
    waiting: (pending) => `待審核：${pending} 項`,
    hours: (hours) => `${hours} 小時`,
    more: (units) => `另有 ${units} 個字元未顯示；請用 \`clawgate review list\` 或 API 查看全文。`,
    made: { release: "已放行：將繼續處理並回覆提問者。", reject: "已駁回：將通知提問者。" },
    refused: {
      NOT_FOUND: "沒有這項審核，`/review list` 可列出待審核項目。",
      OWN_MESSAGE: "這是您自己的訊息或其回答，須由其他人審核。",
      ALREADY_RELEASED: "這一項先前已放行。",
      ALREADY_REJECTED: "這一項先前已駁回。",
      ALREADY_EXPIRED: "七天內無人審核，這一項已失效。",
      ALREADY_WITHDRAWN: "提問者已撤回這一項，不會再處理。",
      UNREADABLE: "內容已無法讀取，因此未作任何決定，請聯絡管理員。",
    },
  },
  "zh-Hans": {
    title: { in: "待审核的消息", out: "待审核的回答" },
    decided: "内容审核",
    id: "编号",
    sender: "提问者",
    age: "已等待",
    terms: "词条",
    classifier: "分类器",
    release: "放行",
    reject: "驳回",
    nothing: "目前没有待审核的内容。",
    usage:
      "`/review` 显示等待最久的一项，`/review list` 列出全部，`/review show 编号` 显示其中一项；`/review release 编号` 放行，`/review reject 编号` 驳回。",
    onlyDirect: "正文只在与我的私聊中显示。",
    waiting: (pending) => `待审核：${pending} 项`,
    hours: (hours) => `${hours} 小时`,
    more: (units) => `另有 ${units} 个字符未显示；请用 \`clawgate review list\` 或 API 查看全文。`,
    made: { release: "已放行：将继续处理并回复提问者。", reject: "已驳回：将通知提问者。" },
    refused: {
      NOT_FOUND: "没有这项审核，`/review list` 可列出待审核项目。",
      OWN_MESSAGE: "这是您自己的消息或其回答，须由其他人审核。",
      ALREADY_RELEASED: "这一项之前已放行。",
      ALREADY_REJECTED: "这一项之前已驳回。",
      ALREADY_EXPIRED: "七天内无人审核，这一项已失效。",
      ALREADY_WITHDRAWN: "提问者已撤回这一项，不会再处理。",
      UNREADABLE: "内容已无法读取，因此未作任何决定，请联系管理员。",
    },
  },
};
