import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import { toHex } from "../to-hex.ts";
import { foldingNumber, putFolding } from "./folding-rows.ts";
import {
  eraseToken,
  insertTokens,
  markIndexed,
  olderRows,
  tokensOfRow,
  unindexedRows,
} from "./rows.ts";
import type { OpenRow, SealedRow } from "./sealed-row.ts";
import { tokenHash } from "./token-hash.ts";
import { tokensFingerprint, tokensOf } from "./tokens.ts";

/** Stores what remembered rows are found by, a few at a time; each call says how many there were. */
export interface RowIndexer {
  /** The newest of the rows that are found by nothing yet, at most so many. */
  newest(scope: TenantScope, limit: number): Promise<number>;
  /** Rows that were indexed by another folding, at most so many; none until `takeOver`. */
  older(scope: TenantScope, limit: number): Promise<number>;
  /** Makes this process's folding the tenant's: rows of every other one are older from now on. */
  takeOver(scope: TenantScope): Promise<void>;
}

/** Tokens that a row is found by, at most. */
const MOST_TOKENS = 1_024;
/** Of the rows that share a commit: to hash and store so many holds everybody up for some milliseconds. */
const ENOUGH_TOKENS = 512;
/** In place of a number, by a process whose folding is not the tenant's: any other one is newer. */
const UNCOUNTED = 1;

interface ListedRow extends SealedRow {
  readonly indexed: number;
}

type Hashes = readonly Uint8Array[];

interface HashedRow {
  readonly row: ListedRow;
  /** Undefined for what cannot be opened. */
  readonly hashes: Hashes | undefined;
}

export const createRowIndexer = ({
  store,
  cipher,
  openRow,
}: {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly openRow: OpenRow;
}): RowIndexer => {
  /** Undefined for what cannot be opened: it keeps what it is found by, and is in nobody's way. */
  const hashesOf = async (
    scope: TenantScope,
    row: SealedRow,
    known: Map<string, Uint8Array>,
  ): Promise<Hashes | undefined> => {
    const opened = await openRow(scope, row);
    if (!opened) return undefined;
    const own = await cipher.of(scope);
    return tokensOf(`${opened.question}\n${opened.answer}`, MOST_TOKENS).map((token) => {
      const hash = known.get(token) ?? tokenHash(own, token);
      known.set(token, hash);
      return hash;
    });
  };

  const put = async (scope: TenantScope, rows: readonly HashedRow[]): Promise<void> => {
    const { tenantId } = scope;
    const folding = { tenantId, fingerprint: tokensFingerprint() };
    await store.note(scope, async (transaction) => {
      // One folding's for good: it is right also where another one takes over meanwhile.
      const number = (await transaction.first(foldingNumber, folding))?.number ?? UNCOUNTED;
      for (const { row, hashes } of rows) {
        const key = { tenantId, id: row.id };
        const marked = { ...key, was: row.indexed, number };
        // Where it was erased meanwhile, or another process was first, there is nothing to store.
        if ((await transaction.run(markIndexed, marked)) === 0 || !hashes) continue;
        const isNew = row.indexed === 0;
        await insert(transaction, key, isNew ? hashes : await missing(transaction, key, hashes));
      }
    });
  };

  const index = async (scope: TenantScope, rows: readonly ListedRow[]): Promise<number> => {
    // The same words are in many of the rows that are done together.
    const known = new Map<string, Uint8Array>();
    let hashed: HashedRow[] = [];
    let tokens = 0;
    // In the order of their ids, whoever does them.
    for (const row of rows.toSorted((one, other) => Buffer.compare(one.id, other.id))) {
      const hashes = await hashesOf(scope, row, known);
      hashed.push({ row, hashes });
      tokens += hashes?.length ?? 0;
      if (tokens < ENOUGH_TOKENS) continue;
      await put(scope, hashed);
      hashed = [];
      tokens = 0;
    }
    if (hashed.length > 0) await put(scope, hashed);
    return rows.length;
  };

  return {
    newest: async (scope, limit) => {
      const which = { tenantId: scope.tenantId, limit };
      return index(scope, await store.read(scope, (from) => from.all(unindexedRows, which)));
    },
    older: async (scope, limit) => {
      const which = { tenantId: scope.tenantId, fingerprint: tokensFingerprint(), limit };
      return index(scope, await store.read(scope, (from) => from.all(olderRows, which)));
    },
    takeOver: async (scope) => {
      const folding = { tenantId: scope.tenantId, fingerprint: tokensFingerprint() };
      await store.note(scope, (transaction) => transaction.run(putFolding, folding));
    },
  };
};

interface RowKey {
  readonly tenantId: string;
  readonly id: Uint8Array;
}

/** Erases what a row was found by and is no more; what of the rest is not stored yet. Most of it is. */
const missing = async (transaction: Transaction, key: RowKey, hashes: Hashes): Promise<Hashes> => {
  const rest = new Map(hashes.map((hash) => [toHex(hash), hash]));
  for (const { token } of await transaction.all(tokensOfRow, key)) {
    if (!rest.delete(toHex(token))) await transaction.execute(eraseToken, { ...key, token });
  }
  return [...rest.values()];
};

const insert = async (transaction: Transaction, key: RowKey, hashes: Hashes): Promise<void> => {
  if (hashes.length === 0) return;
  const tokens = Buffer.concat(hashes);
  await transaction.execute(insertTokens, { tokens, bytes: tokens.length, ...key });
};
