import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store, Transaction } from "../store/store.ts";
import { toHex } from "../to-hex.ts";
import { inPlaces } from "./in-places.ts";
import { idsOfPerson, ROW_PLACES, rowById, rowsAmong, rowsWithToken } from "./rows.ts";
import { tokenHash } from "./token-hash.ts";
import { tokensOf } from "./tokens.ts";

/** Tokens of a query that count. */
const MOST_TOKENS = 32;
/** Newest rows that are listed of a token. */
const LISTED = 1_000;
/** Rows that are looked at more closely, best first. */
const MOST_CANDIDATES = 256;
/** Whoever has more rows than this: theirs are looked for among the rows of all. */
const MOST_OF_ONE_PERSON = 20_000;

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

/** A row that has some of the query's tokens. */
interface Candidate {
  /** Hex. */
  readonly id: string;
  matches: number;
  score: number;
}

/** Rows with a token, in hex, newest first. */
interface Listed {
  readonly token: Uint8Array;
  readonly ids: ReadonlySet<string>;
  /** More for a token that fewer rows have. */
  readonly weight: number;
}

/**
 * The rows that have more than half of the query's tokens: those with the most first, a token
 * counting for more the fewer rows have it; later rows first among equals. Rows with a rare token are
 * found however old they are; of tokens that everybody uses, only the newest rows count as a start:
 * the newest of all, or of the one person whose rows count.
 * What it costs does not grow with the memory: each token is one stretch of an index, and some looks.
 */
export const bestRows = async (search: Search): Promise<readonly FoundRow[]> => {
  const { store, cipher, scope, text, person, limit } = search;
  const { tenantId } = scope;
  const tokens = tokensOf(text, MOST_TOKENS);
  if (tokens.length === 0) return [];
  const own = await cipher.of(scope);
  const hashes = tokens.map((token) => tokenHash(own, token));
  return store.read(scope, async (transaction) => {
    const lists: Listed[] = [];
    for (const token of hashes) lists.push(await list(transaction, tenantId, token));
    const own = person && (await ownRows(transaction, tenantId, person));
    const candidates = inOrder(count(lists, own)).slice(0, MOST_CANDIDATES);
    for (const listed of lists) await complete(transaction, tenantId, listed, candidates);
    const found: FoundRow[] = [];
    for (const { id, matches } of inOrder(candidates)) {
      if (matches * 2 <= hashes.length) continue;
      const row = await transaction.first(rowById, { tenantId, id: Buffer.from(id, "hex") });
      if (row && (!person || Buffer.compare(row.person, person) === 0)) found.push(row);
      if (found.length === limit) break;
    }
    return found;
  });
};

const list = async (
  transaction: Transaction,
  tenantId: string,
  token: Uint8Array,
): Promise<Listed> => {
  const rows = await transaction.all(rowsWithToken, { tenantId, token, limit: LISTED });
  const weight = 1 + Math.log((LISTED + 1) / Math.max(1, rows.length));
  return { token, weight, ids: new Set(rows.map(({ memory_id }) => toHex(memory_id))) };
};

/** The ids of a person's rows, in hex, newest first; undefined where they are too many. */
const ownRows = async (
  transaction: Transaction,
  tenantId: string,
  person: Uint8Array,
): Promise<ReadonlySet<string> | undefined> => {
  const which = { tenantId, person, limit: MOST_OF_ONE_PERSON };
  const rows = await transaction.all(idsOfPerson, which);
  if (rows.length === MOST_OF_ONE_PERSON) return undefined;
  return new Set(rows.map(({ id }) => toHex(id)).sort((one, other) => (one < other ? 1 : -1)));
};

/** What the lists say of each row in them; of `own` rows only where there are such, and of the newest. */
const count = (lists: readonly Listed[], own?: ReadonlySet<string>): Candidate[] => {
  const candidates = new Map<string, Candidate>();
  for (const id of own ?? []) {
    if (candidates.size === MOST_CANDIDATES) break;
    candidates.set(id, { id, matches: 0, score: 0 });
  }
  for (const { ids, weight } of lists) {
    for (const id of ids) {
      if (own && !own.has(id)) continue;
      const known = candidates.get(id) ?? { id, matches: 0, score: 0 };
      candidates.set(id, known);
      known.matches += 1;
      known.score += weight;
    }
  }
  return [...candidates.values()];
};

/** Counts a token that has more rows than were listed where it is in an older row. */
const complete = async (
  transaction: Transaction,
  tenantId: string,
  { token, ids, weight }: Listed,
  candidates: readonly Candidate[],
): Promise<void> => {
  if (ids.size < LISTED) return;
  const unsure = new Map(
    candidates.filter(({ id }) => !ids.has(id)).map((each) => [each.id, each]),
  );
  const rows = [...unsure.keys()].map((id) => Buffer.from(id, "hex"));
  for (const places of inPlaces(ROW_PLACES, rows)) {
    const which = Object.assign(places, { tenantId, token });
    for (const { memory_id } of await transaction.all(rowsAmong, which)) {
      const candidate = unsure.get(toHex(memory_id));
      if (!candidate) continue;
      candidate.matches += 1;
      candidate.score += weight;
    }
  }
};

const inOrder = (candidates: Candidate[]): Candidate[] =>
  candidates.sort((a, b) => b.score - a.score || (a.id < b.id ? 1 : -1));
