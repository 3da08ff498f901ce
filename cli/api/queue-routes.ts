import { z } from "zod";
import type { Counters } from "../../core/delivery/counters.ts";
import type { Lane } from "../../core/delivery/schedule.ts";
import { readDepths } from "../../core/operators/depths.ts";
import type { Queue, QueueChange, QueueRefusalCode } from "../../core/operators/queue.ts";
import { QUEUE_STATES } from "../../core/operators/queue-entry.ts";
import type { Store } from "../../core/store/store.ts";
import { entryView, messageView, pageView } from "../queue-view.ts";
import { checked } from "./checked.ts";
import { ApiError } from "./errors.ts";
import type { Answer, Route } from "./route.ts";

export interface QueueRouteParts {
  readonly store: Store;
  readonly queue: Queue;
  readonly counters: Counters;
  /** There may be work in this lane now. */
  readonly wake: (lane: Lane) => void;
  readonly now: () => Date;
}

/** What the routes of the queue do; as the verbs of `clawgate queue`. */
export const queueHandlers = ({ store, queue, counters, wake, now }: QueueRouteParts) => {
  const changed = (change: QueueChange): Answer => {
    if (change.kind === "refused") {
      throw new ApiError(STATUS[change.code], change.code, change.message);
    }
    wake(change.lane);
    return { status: 200, body: { message: entryView(change.entry, now()) } };
  };

  const list: Route["handle"] = async ({ operator, query }) => {
    const filter = checked("query", queueQuery, query);
    const page = await queue.list(operator, filter);
    const at = now();
    const view = pageView(page, await readDepths(store, at, operator), at);
    // The process serves every tenant: what it counts is no single tenant's to know.
    const body =
      operator.tenantId === undefined ? { ...view, process: processView(counters) } : view;
    return { status: 200, body };
  };

  const show: Route["handle"] = async ({ operator, params }) => {
    const { id } = checked("path", idSchema, params);
    const found = await queue.show(operator, id);
    if (!found) throw new ApiError(404, "NOT_FOUND", `there is no message ${id}`);
    return { status: 200, body: { message: messageView(found, now()) } };
  };

  const replay: Route["handle"] = async ({ operator, params, body }) => {
    checked("body", z.strictObject({}), body);
    return changed(await queue.replay(operator, checked("path", idSchema, params).id));
  };

  const drop: Route["handle"] = async ({ operator, params }) =>
    changed(await queue.drop(operator, checked("path", idSchema, params).id));

  return { list, show, replay, drop };
};

const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, "a whole number")
  .transform(Number);

const idSchema = z.strictObject({ id: wholeNumber });

/** What `GET /api/queue` takes. */
export const queueQuery = z.strictObject({
  state: z.enum(QUEUE_STATES).optional(),
  cursor: wholeNumber.optional(),
  limit: wholeNumber.pipe(z.int().min(1).max(500)).default(50),
});

const STATUS: Readonly<Record<QueueRefusalCode, number>> = {
  NOT_FOUND: 404,
  NOT_DEAD: 409,
  UNDER_WAY: 409,
  FINISHED: 409,
};

const processView = (counters: Counters) => ({
  accepted: counters.accepted,
  duplicates: counters.duplicates,
  overloaded: counters.overloaded,
  put_off: counters.putOff,
  answered: counters.answered,
  taken_over: counters.takenOver,
  sends: counters.sends,
  retries: counters.retries,
  dead_letters: counters.deadLetters,
});
