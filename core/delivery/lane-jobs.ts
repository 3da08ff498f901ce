import { setTimeout } from "node:timers/promises";
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
  process(jobs: number, take: Take, gone: Gone): void;
  /** How many jobs nobody has taken. */
  waiting(): Promise<number>;
  /** Takes no more; resolves when none can come any more. */
  pause(): Promise<void>;
  /** Resolves when the jobs that were taken are gone. */
  settled(): Promise<void>;
  /** Closes the link, too. */
  close(): Promise<void>;
}

export type Task =
  | { readonly kind: "lane"; readonly lane: Lane }
  | { readonly kind: "more"; readonly tenantId: string };

/** What to do when the job is gone: nothing, look whether there is work, add it again (later). */
export type After = "nothing" | "look" | "again" | { readonly againAfterMs: number };

/** Never rejects. */
type Take = (task: Task) => Promise<After>;
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
const RETRY_MS = 500;
// Redis answers an empty look for jobs after this long; also how long pausing takes at worst.
const POLL_SECONDS = 1;
// How often one may be taken over. A message that kills processes is the inbox's to stop.
const ANY_NUMBER = 1_000_000;

export const createLaneJobs = (options: LaneJobsOptions): LaneJobs => {
  const { link, prefix, name, leaseMs, onWiped } = options;
  let blocking: Redis | undefined;
  const queue = new Bull(name, {
    prefix,
    createClient: (type, redisOptions): Redis => {
      if (type === "client") return link.client;
      const connection = link.connect({
        ...redisOptions,
        enableReadyCheck: false,
        maxRetriesPerRequest: null,
      });
      if (type === "bclient") {
        blocking = connection;
        connection.on("ready", watchForStalled);
      }
      return connection;
    },
    settings: {
      lockDuration: leaseMs,
      stalledInterval: leaseMs / 2,
      maxStalledCount: ANY_NUMBER,
      drainDelay: POLL_SECONDS,
    },
  });
  queue.on("error", link.failed);

  const taken = new Set<Bull.Job>();
  let isOpen = true;
  let isWatching = false;
  let fetching: Promise<void> = Promise.resolve();
  let renewal: NodeJS.Timeout | undefined;
  let oneIsGone = (): void => {};

  /** Once both connections stand: bull names them, and does not look at whether that worked. */
  const watchForStalled = (): void => {
    if (isWatching || !isOpen || !link.isUp || blocking?.status !== "ready") return;
    isWatching = true;
    // Without a loop of its own: ours takes the jobs, one connection waiting for all.
    queue.process(0, async () => {}).catch(link.failed);
  };

  /** Its job, which is over, leaves Redis. */
  const remove = async (job: Bull.Job): Promise<void> => {
    try {
      await job.moveToCompleted("", false, true);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : "";
      if (/missing key/i.test(reason)) onWiped();
      // Otherwise it took too long and was given to another, who now removes it.
      else if (!/missing lock|locked by|not in the active/i.test(reason)) link.failed(cause);
    }
  };

  const work = async (job: Bull.Job, take: Take, gone: Gone): Promise<void> => {
    const task = taskOf(job);
    let after: After = "again";
    if (task === undefined) await remove(job);
    else if (job.opts.removeOnComplete === true) {
      after = await take(task);
      await remove(job);
    } else {
      // Redis was wiped the moment we took it: what is left of it would never go away.
      await link.client.del(`${prefix}:${name}:${job.id}`).catch(link.failed);
    }
    taken.delete(job);
    if (task) gone(task, after);
    oneIsGone();
  };

  const fetch = async (jobs: number, take: Take, gone: Gone): Promise<void> => {
    while (isOpen) {
      if (taken.size >= jobs) {
        await new Promise<void>((resolve) => {
          oneIsGone = resolve;
        });
        continue;
      }
      try {
        const job = await queue.getNextJob();
        if (!job) continue;
        taken.add(job);
        void work(job, take, gone);
      } catch (cause) {
        link.failed(cause);
        if (isOpen) await setTimeout(RETRY_MS);
      }
    }
  };

  return {
    add: async (task) => {
      await queue.add({}, { jobId: idOf(task), ...GONE_WHEN_OVER });
    },
    process: (jobs, take, gone) => {
      link.onUp(watchForStalled);
      fetching = fetch(jobs, take, gone);
      renewal = setInterval(() => {
        for (const job of taken) job.extendLock(leaseMs).catch(link.failed);
      }, leaseMs / 3);
    },
    waiting: () => queue.getWaitingCount(),
    pause: async () => {
      isOpen = false;
      oneIsGone();
      // Redis answers within its time, unless it is down or hangs.
      await Promise.race([fetching, setTimeout(POLL_SECONDS * 1_000 + RETRY_MS)]);
    },
    settled: async () => {
      while (taken.size > 0) {
        await new Promise<void>((resolve) => {
          oneIsGone = resolve;
        });
      }
    },
    close: async () => {
      clearInterval(renewal);
      await link.close();
      await queue.close(true);
    },
  };
};

// A job is its id. Brackets and quotes keep what a platform calls its conversations apart from bull's
// own keys, which are words, and from ids with something behind them (`[…]:lock`).
const idOf = (task: Task): string =>
  JSON.stringify(task.kind === "lane" ? [task.lane.tenantId, task.lane.id] : [task.tenantId]);

/** Undefined for a job that somebody else put there, or a version that names them otherwise. */
const taskOf = (job: Bull.Job): Task | undefined => {
  const names = namesIn(String(job.id));
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) return undefined;
  const [tenantId, id] = names;
  if (tenantId === undefined) return undefined;
  return id === undefined ? { kind: "more", tenantId } : { kind: "lane", lane: { id, tenantId } };
};

const namesIn = (id: string): unknown => {
  try {
    return JSON.parse(id);
  } catch {
    return undefined;
  }
};
