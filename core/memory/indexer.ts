import { setTimeout as rest } from "node:timers/promises";
import type { Log } from "../contract/log.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { RowIndexer } from "./row-indexer.ts";

/** Sees that remembered rows can be found, after the reply so that it keeps nobody waiting. */
export interface Indexer {
  /**
   * There is a new row, or may be an older one: new rows are done within a second or so, then those
   * of another folding, tenants in turns and most of the time left to messages.
   */
  soon(scope: TenantScope): void;
  /** Does the newest rows of a tenant now, so that what was just said is found. */
  catchUp(scope: TenantScope): Promise<void>;
  /** Does all of a tenant's rows. */
  all(scope: TenantScope): Promise<void>;
  /** Begins nothing more; resolves when what runs has ended. What is left is done later. */
  close(): Promise<void>;
}

const AT_A_TIME = 32;
/** Of rows of another folding, of which there may be a million: messages come in between. */
const OLDER_AT_A_TIME = 4;
const NEWEST = 200;
const AFTER_MS = 1_000;
/** Time that is left to others for each that is taken. */
const REST = 9;
const LONGEST_REST_MS = 400;

export const createIndexer = ({
  rows,
  log,
  afterMs = AFTER_MS,
}: {
  readonly rows: RowIndexer;
  readonly log: Pick<Log, "warn">;
  /** How long a new row waits for others. */
  readonly afterMs?: number | undefined;
}): Indexer => {
  /** Tenants, the next one first. */
  const waiting = new Set<string>();
  const taken = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isClosed = false;

  const older = async (scope: TenantScope): Promise<number> => {
    // Once: the process that started last decides, and two that run on do not take turns.
    if (!taken.has(scope.tenantId)) await rows.takeOver(scope);
    taken.add(scope.tenantId);
    return rows.older(scope, OLDER_AT_A_TIME);
  };

  const step = async (scope: TenantScope): Promise<number> => {
    const count = await rows.newest(scope, AT_A_TIME);
    return count === AT_A_TIME ? count : count + (await older(scope));
  };

  const work = async (): Promise<void> => {
    for (;;) {
      const [tenantId] = waiting;
      if (tenantId === undefined || isClosed) return;
      waiting.delete(tenantId);
      const began = performance.now();
      try {
        // Behind the others.
        if ((await step(tenantScope(tenantId))) > 0) waiting.add(tenantId);
      } catch (cause) {
        log.warn({ err: cause, tenant: tenantId }, "memory not indexed; trying again later");
      }
      await rest(Math.min(LONGEST_REST_MS, REST * (performance.now() - began)));
    }
  };

  const schedule = (): void => {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      running = work().finally(() => {
        timer = undefined;
        if (waiting.size > 0) schedule();
      });
    }, afterMs);
    timer.unref();
  };

  return {
    soon: ({ tenantId }) => {
      waiting.add(tenantId);
      schedule();
    },
    catchUp: async (scope) => {
      for (let count = 0; count < NEWEST; count += AT_A_TIME) {
        if ((await rows.newest(scope, AT_A_TIME)) < AT_A_TIME) return;
      }
    },
    all: async (scope) => {
      await rows.takeOver(scope);
      while (!isClosed) {
        const count = await rows.newest(scope, AT_A_TIME);
        if (count === 0 && (await rows.older(scope, AT_A_TIME)) === 0) return;
      }
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };
};
