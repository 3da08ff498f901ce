import { createAuditLog } from "../core/audit-log.ts";
import { createContentCipher } from "../core/keys/content-cipher.ts";
import { createKeyFile } from "../core/keys/key-file.ts";
import { createReviews, type ReviewQueue, type ReviewVerdict } from "../core/reviews/reviews.ts";
import { tenantScope } from "../core/store/scope.ts";
import type { Io } from "./io.ts";
import { withStore } from "./operations.ts";
import { REVIEW_PROBLEMS, reviewView } from "./review-view.ts";
import { sayNo } from "./say-no.ts";
import { age } from "./table.ts";

export interface ReviewOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  readonly tenant: string;
}

export interface ListOptions extends ReviewOptions {
  readonly limit: number;
}

const OPERATOR = { kind: "operator", who: "cli" } as const;

/** Shows what waits for a reviewer. 0 also when nothing does. */
export const list = (io: Io, options: ListOptions): Promise<number> =>
  withReviews(io, options, async (reviews) => {
    const { tenant, limit, json } = options;
    const found = await reviews.list(OPERATOR, tenantScope(tenant), limit);
    const now = new Date();
    const views = found.reviews.map((review) => reviewView(review, tenant, now));
    if (json) {
      io.stdout.write(`${JSON.stringify({ approvals: views, pending: found.pending })}\n`);
      return 0;
    }
    for (const view of views) io.stdout.write(`${viewText(view)}\n`);
    io.stdout.write(`${found.pending} waiting\n`);
    return 0;
  });

/** Decides on what is held. 0 done, 1 it cannot be done, and why. */
export const decide = (
  io: Io,
  options: ReviewOptions,
  id: string,
  verdict: ReviewVerdict,
): Promise<number> =>
  withReviews(io, options, async (reviews) => {
    const { tenant, json } = options;
    const decision = await reviews.decide(OPERATOR, tenantScope(tenant), id, verdict);
    if (decision.kind === "refused") {
      const { code } = decision;
      const message = `review ${verdict}: ${REVIEW_PROBLEMS[code]}`;
      return sayNo(io, options, code, message);
    }
    io.stdout.write(json ? `${JSON.stringify({ ok: true })}\n` : `${DONE[verdict]}\n`);
    return 0;
  });

const DONE = {
  release: "released: it goes on; a running gateway finds it within 10 s",
  reject: "rejected: its sender is told; a running gateway finds it within 10 s",
} as const;

const withReviews = (
  io: Io,
  options: ReviewOptions,
  work: (reviews: ReviewQueue) => Promise<number>,
): Promise<number> =>
  withStore(io, options, async ({ store, keyFile, now }) => {
    const log = logTo(io);
    const cipher = await createContentCipher({
      store,
      keys: createKeyFile(keyFile, now),
      now,
      log,
    });
    const reviews = createReviews({
      store,
      cipher,
      now,
      log,
      auditLog: createAuditLog(store, cipher),
      wake: () => {}, // a running gateway looks for itself
    });
    return work(reviews);
  });

/** What goes wrong beside the work is said on stderr, without what it was about. */
const logTo = (io: Io) => {
  const say = (_fields: object, message: string) => void io.stderr.write(`clawgate: ${message}\n`);
  return { error: say, warn: say };
};

const viewText = ({ text, terms, ...view }: ReturnType<typeof reviewView>): string =>
  [
    `${view.id}  ${view.holds} of ${view.sender.name || view.sender.id} on ${view.channel}`,
    `  held for ${age(view.age_seconds)}: ${terms.join(", ") || "a classifier asked for it"}`,
    ...text.split("\n").map((line) => `  | ${line}`),
  ]
    .map((line) => line.replaceAll(/\p{C}/gu, "?")) // nobody steers an operator's terminal
    .map((line) => `${line}\n`)
    .join("");
