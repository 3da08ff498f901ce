import { readDepths } from "../core/operators/depths.ts";
import type { Operator } from "../core/operators/operator.ts";
import { createQueue, type Queue, type QueueChange } from "../core/operators/queue.ts";
import type { QueueState } from "../core/operators/queue-entry.ts";
import type { Io } from "./io.ts";
import { type Operations, withStore } from "./operations.ts";
import { entryView, messageView, pageView } from "./queue-view.ts";
import { sayNo } from "./say-no.ts";
import { age, table } from "./table.ts";

export interface QueueOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  readonly tenant?: string | undefined;
}

export interface ListOptions extends QueueOptions {
  readonly state?: QueueState | undefined;
  readonly limit: number;
  readonly cursor?: number | undefined;
}

/** Shows a page of messages and the summary. 0 also when there is nothing. */
export const list = (io: Io, options: ListOptions): Promise<number> =>
  withQueue(io, options, async ({ queue, operator, store, now }) => {
    const { state, limit, cursor } = options;
    const page = await queue.list(operator, { state, limit, cursor });
    const at = now();
    const depths = await readDepths(store, at, operator);
    const view = pageView(page, depths, at);
    if (options.json) {
      io.stdout.write(`${JSON.stringify(view)}\n`);
      return 0;
    }
    io.stdout.write(pageText(view));
    return 0;
  });

/** Shows one message. 0 there it is, 1 there is none. */
export const show = (io: Io, options: QueueOptions, id: number): Promise<number> =>
  withQueue(io, options, async ({ queue, operator, now }) => {
    const found = await queue.show(operator, id);
    if (!found) {
      const message = `there is no message ${id}; \`clawgate queue list\` shows those that wait`;
      return sayNo(io, options, "NOT_FOUND", message);
    }
    const view = messageView(found, now());
    io.stdout.write(options.json ? `${JSON.stringify(view)}\n` : messageText(view));
    return 0;
  });

/** Lets a dead message go on. 0 done, 1 it cannot be done, and why. */
export const replay = (io: Io, options: QueueOptions, id: number): Promise<number> =>
  change(
    io,
    options,
    ({ queue, operator }) => queue.replay(operator, id),
    (state) => {
      const what =
        state === "sending" ? "what is left of its reply is sent again" : `it is ${state} again`;
      return `message ${id}: ${what}; a running gateway finds it within 10 s`;
    },
  );

/** Gives a message up. 0 done, 1 it cannot be done, and why. */
export const drop = (io: Io, options: QueueOptions, id: number): Promise<number> =>
  change(
    io,
    options,
    ({ queue, operator }) => queue.drop(operator, id),
    () => `message ${id} is dropped; its sender gets no answer`,
  );

interface OpenQueue extends Operations {
  readonly queue: Queue;
  readonly operator: Operator;
}

const withQueue = (
  io: Io,
  options: QueueOptions,
  work: (at: OpenQueue) => Promise<number>,
): Promise<number> =>
  withStore(io, options, (operations) =>
    work({
      ...operations,
      queue: createQueue(operations),
      operator: { who: "cli", tenantId: options.tenant },
    }),
  );

const change = (
  io: Io,
  options: QueueOptions,
  apply: (at: OpenQueue) => Promise<QueueChange>,
  said: (state: string) => string,
): Promise<number> =>
  withQueue(io, options, async (at) => {
    const done = await apply(at);
    if (done.kind === "refused") return sayNo(io, options, done.code, done.message);
    const view = { ok: true, message: entryView(done.entry, at.now()) };
    io.stdout.write(`${options.json ? JSON.stringify(view) : said(done.entry.state)}\n`);
    return 0;
  });

const pageText = ({ messages, next, depths }: ReturnType<typeof pageView>): string => {
  const summary = depths.map(
    ({ tenant, messages: count, state, oldest_age_seconds }) =>
      `${tenant}: ${count} ${state}, the oldest for ${age(oldest_age_seconds)}\n`,
  );
  if (messages.length === 0) return ["nothing to show\n", ...summary].join("");
  const listed = table([
    ["ID", "STATE", "TENANT", "CHANNEL", "CONVERSATION", "AGE", "TRIES", "SENT", "REASON"],
    ...messages.map((message) => [
      String(message.id),
      message.under_way ? `${message.state}*` : message.state,
      message.tenant,
      message.channel,
      message.conversation,
      age(message.age_seconds),
      String(message.attempts),
      message.parts.total === 0 ? "-" : `${message.parts.delivered}/${message.parts.total}`,
      message.reason ?? "",
    ]),
  ]);
  const isAny = messages.some((message) => message.under_way);
  return [
    listed,
    ...(isAny ? ["* a gateway works on it right now\n"] : []),
    ...(next === null ? [] : [`more: --cursor ${next}\n`]),
    ...summary,
  ].join("");
};

const messageText = (view: ReturnType<typeof messageView>): string => {
  const { reply, parts: _counted, age_seconds, ...facts } = view;
  const parts = reply.map((part) => [
    `${part.part + 1}/${reply.length}`,
    part.under_way ? `${part.state}*` : part.state,
    part.via,
    String(part.attempts),
    part.unsure ? "yes" : "no",
    part.state === "pending" ? part.due_at : "-",
    part.reason ?? "",
  ]);
  return [
    table([
      ...Object.entries(facts).map(([name, value]) => [
        name.replaceAll("_", " "),
        String(value ?? "-"),
      ]),
      ["age", age(age_seconds)],
    ]),
    parts.length === 0
      ? "no reply yet\n"
      : table([["PART", "STATE", "VIA", "TRIES", "UNSURE", "DUE", "REASON"], ...parts]),
  ].join("");
};
