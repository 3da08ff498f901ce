import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { rowById, rowsWithToken } from "./rows.ts";
import { tokenHash } from "./token-hash.ts";
import { tokensOf } from "./tokens.ts";

/** Tokens of a query that count. */
const MOST_TOKENS = 32;
/** Newest rows that are looked at for a token: of a word that everybody uses, older ones are not. */
const MOST_ROWS = 5_000;
/** Rows that are looked at, best first, where only one person's count. */
const MOST_CANDIDATES = 2_000;

export interface Search {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly scope: TenantScope;
  readonly text: string;
  /** Tag of the one whose rows count; absent = everybody's. */
  readonly person: Uint8Array | undefined;
  readonly limit: number;
}

export interface FoundRow {
  readonly id: Uint8Array;
  readonly channel: string;
  readonly content: Uint8Array;
}

/**
 * The rows that have more than half of the query's tokens: those with the most first, a token
 * counting for more the fewer rows have it; later rows first among equals. What it costs does not
 * grow with the memory: every token is one stretch of an index.
 */
export const bestRows = async (search: Search): Promise<readonly FoundRow[]> => {
  const { store, cipher, scope, text, person, limit } = search;
  const { tenantId } = scope;
  const tokens = tokensOf(text, MOST_TOKENS);
  if (tokens.length === 0) return [];
  const hashes = await Promise.all(tokens.map((token) => tokenHash(cipher, scope, token)));
  const found: FoundRow[] = [];
  await store.read(scope, async (transaction) => {
    found.length = 0;
    const candidates = new Map<string, { matches: number; score: number }>();
    for (const token of hashes) {
      const rows = await transaction.all(rowsWithToken, { tenantId, token, limit: MOST_ROWS });
      const weight = 1 + Math.log((MOST_ROWS + 1) / Math.max(1, rows.length));
      for (const { memory_id } of rows) {
        const id = Buffer.from(memory_id).toString("hex");
        const { matches, score } = candidates.get(id) ?? { matches: 0, score: 0 };
        candidates.set(id, { matches: matches + 1, score: score + weight });
      }
    }
    const best = [...candidates]
      .filter(([, { matches }]) => matches * 2 > hashes.length)
      .sort(([a, one], [b, other]) => other.score - one.score || (a < b ? 1 : -1))
      .slice(0, person ? MOST_CANDIDATES : limit);
    for (const [hex] of best) {
      const row = await transaction.first(rowById, { tenantId, id: Buffer.from(hex, "hex") });
      if (row && (!person || Buffer.compare(row.person, person) === 0)) found.push(row);
      if (found.length === limit) break;
    }
  });
  return found;
};
