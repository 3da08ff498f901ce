import { setTimeout as rest } from "node:timers/promises";
import type { Log } from "../contract/log.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { inPlaces } from "./in-places.ts";
import {
  FEW_TOKEN_PLACES,
  insertFewTokens,
  insertTokens,
  markIndexed,
  TOKEN_PLACES,
  unindexedRows,
} from "./rows.ts";
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
const AFTER_MS = 1_000;
/** Time that is left to others for each that is taken. */
const REST = 9;
const LONGEST_REST_MS = 200;

export const createIndexer = ({
  store,
  cipher,
  openRow,
  log,
  afterMs = AFTER_MS,
}: {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly openRow: OpenRow;
  readonly log: Pick<Log, "warn">;
  /** How long a new row waits for others. */
  readonly afterMs?: number | undefined;
}): Indexer => {
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let isClosed = false;

  const hashesOf = async (scope: TenantScope, row: SealedRow): Promise<readonly Uint8Array[]> => {
    // What cannot be opened is found by nothing, and must not be in the way of what can.
    const { question, answer } = (await openRow(scope, row)) ?? { question: "", answer: "" };
    const tokens = tokensOf(`${question}\n${answer}`, MOST_TOKENS);
    return Promise.all(tokens.map((token) => tokenHash(cipher, scope, token)));
  };

  /** Does the newest rows, at most so many; how many there were. */
  const step = async (scope: TenantScope, limit: number): Promise<number> => {
    const { tenantId } = scope;
    const rows = await store.read(scope, (transaction) =>
      transaction.all(unindexedRows, { tenantId, limit }),
    );
    if (rows.length === 0) return 0;
    const done: { readonly id: Uint8Array; readonly hashes: readonly Uint8Array[] }[] = [];
    // The oldest first: in the order of their ids, whoever does them.
    for (const row of rows.reverse()) {
      done.push({ id: row.id, hashes: await hashesOf(scope, row) });
    }
    await store.note(scope, async (transaction) => {
      for (const { id, hashes } of done) {
        // Where it was erased meanwhile, or another process was first, there is nothing to store.
        if ((await transaction.run(markIndexed, { tenantId, id })) === 0) continue;
        const many = hashes.length - (hashes.length % TOKEN_PLACES.length);
        for (const places of inPlaces(TOKEN_PLACES, hashes.slice(0, many))) {
          await transaction.run(insertTokens, { tenantId, id, ...places });
        }
        for (const places of inPlaces(FEW_TOKEN_PLACES, hashes.slice(many))) {
          await transaction.run(insertFewTokens, { tenantId, id, ...places });
        }
      }
    });
    return done.length;
  };

  const all = async (scope: TenantScope): Promise<void> => {
    while (!isClosed && (await step(scope, AT_A_TIME)) > 0);
  };

  /** The same, but most of the time is left to the messages that come in meanwhile. */
  const inPeace = async (scope: TenantScope): Promise<void> => {
    for (;;) {
      const began = performance.now();
      if (isClosed || (await step(scope, AT_A_TIME)) === 0) return;
      await rest(Math.min(LONGEST_REST_MS, REST * (performance.now() - began)));
    }
  };

  const work = async (): Promise<void> => {
    for (const tenantId of [...waiting]) {
      waiting.delete(tenantId);
      try {
        await inPeace(tenantScope(tenantId));
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
        if ((await step(scope, AT_A_TIME)) < AT_A_TIME) return;
      }
    },
    all,
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };
};
