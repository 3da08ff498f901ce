import type { Log } from "../contract/log.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { insertTokens, markIndexed, TOKEN_PLACES, unindexedRows } from "./rows.ts";
import type { OpenRow, SealedRow } from "./sealed-row.ts";
import { tokenHash } from "./token-hash.ts";
import { tokensOf } from "./tokens.ts";

/** Stores what remembered rows are found by, after the reply so that it keeps nobody waiting. */
export interface Indexer {
  /** There is a new row; it is done within a second or so. */
  soon(scope: TenantScope): void;
  /** Does the newest rows of a tenant now, so that what was just said is found. */
  catchUp(scope: TenantScope): Promise<void>;
  /** Does all of a tenant's rows. */
  all(scope: TenantScope): Promise<void>;
  /** Begins nothing more; resolves when what runs has ended. What is left is done later. */
  close(): Promise<void>;
}

/** Tokens that a row is found by, at most. */
const MOST_TOKENS = 1_024;
const AT_A_TIME = 16;
const NEWEST = 200;
const PAUSE_MS = 1_000;

export const createIndexer = ({
  store,
  cipher,
  openRow,
  log,
}: {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly openRow: OpenRow;
  readonly log: Pick<Log, "warn">;
}): Indexer => {
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isClosed = false;

  const indexRow = async (scope: TenantScope, row: SealedRow): Promise<void> => {
    const { tenantId } = scope;
    const { id } = row;
    // What cannot be opened is found by nothing, and must not be in the way of what can.
    const { question, answer } = (await openRow(scope, row)) ?? { question: "", answer: "" };
    const tokens = tokensOf(`${question}\n${answer}`, MOST_TOKENS);
    const hashes = await Promise.all(tokens.map((token) => tokenHash(cipher, scope, token)));
    // Where it was erased meanwhile, or another process was first, there is nothing to store.
    await store.note(scope, async (transaction) => {
      if ((await transaction.run(markIndexed, { tenantId, id })) === 0) return;
      for (const places of inPlaces(hashes)) {
        await transaction.run(insertTokens, { tenantId, id, ...places });
      }
    });
  };

  /** How many rows were there to do. */
  const step = async (scope: TenantScope, limit: number): Promise<number> => {
    const { tenantId } = scope;
    const rows = await store.read(scope, (transaction) =>
      transaction.all(unindexedRows, { tenantId, limit }),
    );
    for (const row of rows) await indexRow(scope, row);
    return rows.length;
  };

  const all = async (scope: TenantScope): Promise<void> => {
    while (!isClosed && (await step(scope, AT_A_TIME)) > 0);
  };

  const work = async (): Promise<void> => {
    for (const tenantId of [...waiting]) {
      waiting.delete(tenantId);
      try {
        await all(tenantScope(tenantId));
      } catch (cause) {
        log.warn({ err: cause, tenant: tenantId }, "memory not indexed; trying again later");
      }
    }
  };

  const schedule = (): void => {
    if (timer !== undefined || isClosed) return;
    timer = setTimeout(() => {
      running = work().finally(() => {
        timer = undefined;
        if (waiting.size > 0) schedule();
      });
    }, PAUSE_MS);
    timer.unref();
  };

  return {
    soon: ({ tenantId }) => {
      waiting.add(tenantId);
      schedule();
    },
    catchUp: async (scope) => {
      await step(scope, NEWEST);
    },
    all,
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };
};

/** The hashes in groups of as many as a statement takes; the last one fills what is left over. */
const inPlaces = (hashes: readonly Uint8Array[]) => {
  const groups: Record<(typeof TOKEN_PLACES)[number], Uint8Array>[] = [];
  for (let first = 0; first < hashes.length; first += TOKEN_PLACES.length) {
    const group: Record<string, Uint8Array> = {};
    for (const [place, name] of TOKEN_PLACES.entries()) {
      const hash = hashes[Math.min(first + place, hashes.length - 1)];
      if (hash) group[name] = hash;
    }
    groups.push(group as (typeof groups)[number]);
  }
  return groups;
};
