import type { Log } from "../contract/log.ts";
import type { InboundMessage } from "../contract/message.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Answer, Store, Transaction, Work } from "../store/store.ts";
import { toHex } from "../to-hex.ts";
import { whenThere } from "../when-there.ts";
import type { Exchange } from "./exchange.ts";
import { createIndexer } from "./indexer.ts";
import { type Person, personOf, personTag, tagsOf } from "./person.ts";
import { instantOf, newRowId } from "./row-id.ts";
import { createRowIndexer } from "./row-indexer.ts";
import {
  eraseRow,
  eraseRowsOfPerson,
  eraseTokensOf,
  idsOfPerson,
  insertRow,
  newestOf,
  rowsOfPerson,
} from "./rows.ts";
import { createOpenRow, placeOf, type Remembered, type SealedRow } from "./sealed-row.ts";
import { bestRows } from "./search.ts";

/** What was asked and answered, per tenant and person. */
export interface Memory {
  /**
   * What stores an answered question with its reply: to be run in a transaction of this scope.
   * @param isSensitive personal data was found in what the person sent
   */
  prepare(
    scope: TenantScope,
    message: InboundMessage,
    exchange: Exchange & { readonly isSensitive: boolean },
  ): Answer<Work<void>>;
  /** The last exchanges of this person in this conversation, oldest first. */
  recent(
    scope: TenantScope,
    message: InboundMessage,
    allowsSensitive: boolean,
  ): Promise<readonly Exchange[]>;
  /** What fits the query best, best first; later is better among equals. */
  search(scope: TenantScope, query: MemoryQuery): Promise<readonly MemoryHit[]>;
  /** Everything of a person: one conversation after the other, each oldest first. */
  allOf(scope: TenantScope, person: Person): AsyncIterable<MemoryHit>;
  /**
   * Erases what is remembered of a person but for some hundred exchanges, a few at a time, so that
   * nobody waits long for the store; how many.
   */
  eraseMost(scope: TenantScope, person: Person): Promise<number>;
  /** Erases what is remembered of a person, in the caller's transaction; how many exchanges. */
  eraserOf(scope: TenantScope, person: Person): Promise<Work<number>>;
  /** Lets what can be found catch up with what is stored, of this tenant. */
  index(scope: TenantScope): Promise<void>;
  /** The same in the background, a little at a time. */
  indexSoon(scope: TenantScope): void;
  /** Ends what is done in the background. */
  close(): Promise<void>;
}

export interface MemoryQuery {
  readonly text: string;
  /** Absent = everybody of the tenant. */
  readonly person?: Person | undefined;
  /** Most hits. */
  readonly limit: number;
}

export interface MemoryHit extends Exchange {
  /** Hex. */
  readonly id: string;
  readonly at: Date;
  readonly channel: string;
  readonly workspaceId: string;
  readonly senderId: string;
}

export interface MemoryParts {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly now: () => Date;
  readonly log: Pick<Log, "warn">;
  /** How long it may take until a row can be found without a search for it; default 1000. */
  readonly indexAfterMs?: number;
}

/** Exchanges that a model is told of, at most. */
const RECENT = 6;
/** UTF-16 units of them together, at most; the newest count first. */
const RECENT_UNITS = 8_000;
/** UTF-16 units that are kept of a question, and of an answer. */
const KEPT_UNITS = 16_000;
const AT_A_TIME = 200;

export const createMemory = (parts: MemoryParts): Memory => {
  const { store, cipher, now } = parts;
  const openRow = createOpenRow(cipher, parts.log);
  const indexer = createIndexer({
    rows: createRowIndexer({ store, cipher, openRow }),
    log: parts.log,
    afterMs: parts.indexAfterMs,
  });

  const hitsOf = async (
    scope: TenantScope,
    rows: readonly (SealedRow & { readonly channel: string })[],
  ): Promise<MemoryHit[]> => {
    const hits: MemoryHit[] = [];
    for (const row of rows) {
      const opened = await openRow(scope, row);
      if (!opened) continue;
      const { question, answer, workspaceId, senderId } = opened;
      const id = toHex(row.id);
      const { channel } = row;
      hits.push({ id, at: instantOf(row.id), channel, workspaceId, senderId, question, answer });
    }
    return hits;
  };

  return {
    prepare: (scope, message, { question, answer, isSensitive }) => {
      const { tenantId } = scope;
      const { channel, workspaceId, senderId } = personOf(message);
      const id = newRowId(now());
      const remembered: Remembered = {
        workspaceId,
        senderId,
        isSensitive,
        question: cut(question, KEPT_UNITS),
        answer: cut(answer, KEPT_UNITS),
      };
      return whenThere(cipher.of(scope), (own) => {
        const { person, conversation } = tagsOf(own, message);
        const content = own.seal(placeOf(id), JSON.stringify(remembered));
        const row = { tenantId, id, person, conversation, channel, content };
        return (transaction: Transaction) =>
          whenThere(transaction.execute(insertRow, row), () => indexer.soon(scope));
      });
    },

    recent: async (scope, message, allowsSensitive) => {
      const own = await cipher.of(scope);
      const which = { tenantId: scope.tenantId, limit: RECENT, ...tagsOf(own, message) };
      const rows = await store.read(scope, (transaction) => transaction.all(newestOf, which));
      const exchanges: Exchange[] = [];
      let units = 0;
      for (const row of rows) {
        const opened = await openRow(scope, row);
        if (!opened) continue;
        const { question, answer, isSensitive } = opened;
        units += question.length + answer.length;
        if (units > RECENT_UNITS) break;
        // What may go to fewer places than this turn stays behind.
        if (allowsSensitive || !isSensitive) exchanges.push({ question, answer });
      }
      return exchanges.reverse();
    },

    search: async (scope, { text, person, limit }) => {
      await indexer.catchUp(scope);
      const tag = person && personTag(await cipher.of(scope), person);
      const rows = await bestRows({ store, cipher, scope, text, person: tag, limit });
      return hitsOf(scope, rows);
    },

    allOf: async function* (scope, whose) {
      const { tenantId } = scope;
      const person = personTag(await cipher.of(scope), whose);
      let conversation: Uint8Array = Buffer.alloc(0);
      let id: Uint8Array = Buffer.alloc(0);
      for (;;) {
        const from = { tenantId, person, conversation, id, limit: AT_A_TIME };
        const rows = await store.read(scope, (transaction) => transaction.all(rowsOfPerson, from));
        yield* await hitsOf(scope, rows);
        const last = rows.at(-1);
        if (!last) return;
        ({ conversation, id } = last);
      }
    },

    eraseMost: async (scope, whose) => {
      const { tenantId } = scope;
      const person = personTag(await cipher.of(scope), whose);
      for (let total = 0; ; ) {
        const rows = await store.read(scope, (transaction) =>
          transaction.all(idsOfPerson, { tenantId, person, limit: AT_A_TIME }),
        );
        if (rows.length < AT_A_TIME) return total;
        // In the order of their ids, in which they are indexed too.
        const ids = rows.map(({ id }) => Buffer.from(id)).sort(Buffer.compare);
        total += await store.write(scope, async (transaction) => {
          let erased = 0;
          for (const id of ids) {
            erased += await transaction.run(eraseRow, { tenantId, id });
            await transaction.run(eraseTokensOf, { tenantId, id });
          }
          return erased;
        });
      }
    },

    eraserOf: async (scope, whose) => {
      const { tenantId } = scope;
      const person = personTag(await cipher.of(scope), whose);
      return async (transaction) => {
        const erased = await transaction.all(eraseRowsOfPerson, { tenantId, person });
        for (const { id } of erased) await transaction.run(eraseTokensOf, { tenantId, id });
        return erased.length;
      };
    },

    index: indexer.all,
    indexSoon: indexer.soon,
    close: indexer.close,
  };
};

/** The beginning of a text; no character is cut in half. */
const cut = (text: string, units: number): string => text.slice(0, units).toWellFormed();
