import Bull from "bull";
import type { Redis } from "ioredis";
import type { RedisLink } from "./redis-link.ts";
import type { Lane } from "./schedule.ts";

/**
 * Jobs in Redis, through bull: "this lane has work", or "this tenant has more lanes in the store".
 * Each at most once at a time, and without content.
 */
export interface LaneJobs {
  /** Resolves when it is in Redis, or was there already. */
  add(task: Task): Promise<void>;
  /**
   * Takes jobs, so many at a time. What `take` resolves with is told to `gone` once the job is no
   * more in Redis: what is added while its job is being worked on is dropped, so look again then.
   */
  process(jobs: number, take: (task: Task) => Promise<After>, gone: Gone): void;
  /** How many jobs nobody has taken. */
  waiting(): Promise<number>;
  /** Takes no more; resolves when those that were taken are gone. */
  close(): Promise<void>;
}

export type Task =
  | { readonly kind: "lane"; readonly lane: Lane }
  | { readonly kind: "more"; readonly tenantId: string };

/** What to do when the job is gone: nothing, look whether there is work, add it again (later). */
export type After = "nothing" | "look" | "again" | { readonly againAfterMs: number };

type Gone = (task: Task, after: After) => void;

export interface LaneJobsOptions {
  readonly link: RedisLink;
  readonly prefix: string;
  readonly name: string;
  /** A job whose process does not answer for this long is given to another. */
  readonly leaseMs: number;
  /** Jobs vanished from Redis while they were worked on. */
  readonly onWiped: () => void;
}

// A finished job that stays would keep its lane from ever being added again.
const GONE_WHEN_OVER = { removeOnComplete: true, removeOnFail: true };
// How long a failed look for jobs waits until the next, each of the loops for itself.
const RETRY_MS = 500;
// Redis answers an empty look for jobs after this long; also how long closing may take at worst.
const POLL_SECONDS = 5;

export const createLaneJobs = (options: LaneJobsOptions): LaneJobs => {
  const { link, prefix, name, leaseMs, onWiped } = options;
  const queue = new Bull(name, {
    prefix,
    createClient: (type, redisOptions): Redis =>
      type === "client"
        ? link.client
        : link.connect({ ...redisOptions, enableReadyCheck: false, maxRetriesPerRequest: null }),
    settings: {
      lockDuration: leaseMs,
      stalledInterval: leaseMs / 2,
      // How often one may be taken over. A message that kills processes is the inbox's to stop.
      maxStalledCount: 1_000,
      retryProcessDelay: RETRY_MS,
      drainDelay: POLL_SECONDS,
    },
  });
  queue.on("error", (cause: Error) => {
    if (/missing key/i.test(cause.message)) onWiped();
    else if (!/missing lock/i.test(cause.message)) link.failed(cause); // that was taken over
  });

  return {
    add: async (task) => {
      await queue.add({}, { jobId: idOf(task), ...GONE_WHEN_OVER });
    },
    process: (jobs, take, gone) => {
      queue.on("completed", (job: Bull.Job, after: After) => {
        gone(taskOf(job), after);
      });
      queue
        .process(jobs, (job) => {
          // Also for one that lost its options: Redis was wiped the moment we took it.
          Object.assign(job.opts, GONE_WHEN_OVER);
          return take(taskOf(job));
        })
        .catch((cause: unknown) => {
          link.failed(cause);
        });
    },
    waiting: () => queue.getWaitingCount(),
    close: () => queue.close(),
  };
};

// A job is its id. Brackets and quotes keep what a platform calls its conversations apart from bull's
// own keys, which are words, and from ids with something behind them (`[…]:lock`).
const idOf = (task: Task): string =>
  JSON.stringify(task.kind === "lane" ? [task.lane.tenantId, task.lane.id] : [task.tenantId]);

const taskOf = (job: Bull.Job): Task => {
  const [tenantId, id] = JSON.parse(String(job.id)) as [string, string?];
  return id === undefined ? { kind: "more", tenantId } : { kind: "lane", lane: { id, tenantId } };
};
