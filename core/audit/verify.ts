import { StoreError } from "../store/errors.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { allHeads, firstRecord, recordsAfter, tenantAfter, wholeHeadOf } from "./audit-rows.ts";
import { NO_HEAD } from "./chain.ts";
import { isSigned, type SignedCheckpoint } from "./checkpoint.ts";
import {
  missing,
  type Place,
  type Problem,
  placeAfter,
  problemAtEnd,
  problemInFront,
  problemOfHead,
  type StoredHead,
} from "./problem.ts";
import type { VerifyingKey } from "./signing-key.ts";
import type { StoredRecord } from "./stored-record.ts";
import { createSworn } from "./sworn.ts";

/** What came of checking one tenant's chain. */
export interface ChainReport {
  readonly tenantId: string;
  /** How many records were checked. */
  readonly records: number;
  /** Number of the newest. */
  readonly newest: number;
  /** The records up to this one are gone for their age, as a signature says; 0 for none. */
  readonly cut: number;
  /** How many checkpoints were compared. */
  readonly checkpoints: number;
  /** Absent = the chain is whole. */
  readonly problem?: Problem;
}

/** What a chain is checked against, besides itself. */
export interface Witnesses {
  readonly keys: readonly VerifyingKey[];
  /** In the order of their numbers; empty for none. */
  readonly checkpoints: readonly SignedCheckpoint[];
}

const AT_A_TIME = 1_000;

/** Every tenant that has a chain or a part of one, in order. */
export const chainedTenants = async (store: Store): Promise<readonly string[]> => {
  const heads = await store.read("operator", (transaction) => transaction.all(allHeads, {}));
  const tenants = new Set(heads.map(({ tenant_id }) => tenant_id));
  for (let after = ""; ; ) {
    const next = await store.read("operator", (transaction) =>
      transaction.first(tenantAfter, { tenant_id: after }),
    );
    if (!next) return [...tenants].sort();
    after = next.tenant_id;
    tenants.add(after);
  }
};

/**
 * Goes through a tenant's chain record by record, beside a running gateway, and stops at the first
 * that is not as it was written. Needs no key to what is sealed, and memory for a page only.
 */
export const verifyChain = async (
  store: Store,
  tenantId: string,
  { keys, checkpoints }: Witnesses,
): Promise<ChainReport> => {
  const scope = tenantScope(tenantId);
  const counted = { records: 0, newest: 0, cut: 0 };
  const report = (problem?: Problem): ChainReport => ({
    tenantId,
    ...counted,
    checkpoints: sworn.compared(),
    ...(problem && { problem }),
  });
  const sworn = createSworn(checkpoints);

  /** Takes over where the chain begins. */
  const beginAt = (head: StoredHead, at: Place): Place | Problem => {
    if (head.cut_seq <= at.seq) return at;
    if (!isCutSigned(tenantId, head, keys)) return badCut(head, keys);
    counted.cut = head.cut_seq;
    counted.newest = head.cut_seq;
    const place = { seq: head.cut_seq, hash: head.cut_hash ?? NO_HEAD.hash };
    sworn.skipTo(place.seq);
    return sworn.check(place) ?? place;
  };

  try {
    let head = await headIn(store, scope);
    if (!head) return report(await withoutHead(store, scope, checkpoints));
    const before = await problemBefore(store, scope, head);
    if (before) return report(before);
    let at = beginAt(head, { seq: 0, hash: NO_HEAD.hash });
    if ("code" in at) return report(at);
    for (;;) {
      const rows = await page(store, scope, at.seq);
      for (const row of rows) {
        if (row.seq !== at.seq + 1) {
          // Retention may have gone on meanwhile.
          head = (await headIn(store, scope)) ?? head;
          const next = beginAt(head, at);
          if ("code" in next) return report(next);
          if (next === at) return report(missing(at.seq + 1));
          at = next;
          if (row.seq !== at.seq + 1) break;
        }
        const next = placeAfter(at, row);
        if ("code" in next) return report(next);
        const problem = sworn.check(next);
        if (problem) return report(problem);
        at = next;
        counted.records++;
        counted.newest = row.seq;
      }
      if (rows.length > 0) continue;
      // Read after the last record: with an honest log it is never behind it.
      head = (await headIn(store, scope)) ?? head;
      const more = await page(store, scope, at.seq);
      if (more.length === 0) return report(problemAtEnd(head, at) ?? sworn.left(at.seq));
    }
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    const { newest } = counted;
    const message = `what follows record ${newest} cannot be read: ${cause.message}`;
    return report({ seq: newest + 1, code: "UNREADABLE", message });
  }
};

const headIn = (store: Store, scope: TenantScope): Promise<StoredHead | undefined> =>
  store.read(scope, (transaction) => transaction.first(wholeHeadOf, { tenant_id: scope.tenantId }));

const page = (store: Store, scope: TenantScope, after: number): Promise<readonly StoredRecord[]> =>
  store.read(scope, (transaction) =>
    transaction.all(recordsAfter, { tenant_id: scope.tenantId, after, limit: AT_A_TIME }),
  );

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What is wrong before the first record is looked at. */
const problemBefore = async (
  store: Store,
  scope: TenantScope,
  head: StoredHead,
): Promise<Problem | undefined> =>
  problemOfHead(head) ??
  problemInFront(
    await store.read(scope, (transaction) =>
      transaction.first(firstRecord, { tenant_id: scope.tenantId }),
    ),
  );

const withoutHead = async (
  store: Store,
  scope: TenantScope,
  checkpoints: readonly SignedCheckpoint[],
): Promise<Problem | undefined> => {
  const [first] = await page(store, scope, 0);
  if (first) {
    const message = "the log's head is missing, while records are there";
    return { seq: first.seq, code: "MISSING", message };
  }
  return createSworn(checkpoints).left(0);
};

const isCutSigned = (tenant: string, head: StoredHead, keys: readonly VerifyingKey[]): boolean => {
  const { cut_seq: seq, cut_hash, cut_at, cut_signature } = head;
  const isWhole = cut_hash instanceof Uint8Array && cut_signature instanceof Uint8Array;
  const time = new Date(cut_at ?? Number.NaN);
  if (!isWhole || Number.isNaN(time.getTime()) || seq > head.seq) return false;
  const [hash, at] = [hexOf(cut_hash), time.toISOString()];
  const signature = Buffer.from(cut_signature).toString("base64");
  return isSigned({ kind: "cut", tenant, seq, hash, at, signature }, keys);
};

const badCut = ({ cut_seq }: StoredHead, keys: readonly VerifyingKey[]): Problem => ({
  seq: cut_seq,
  code: "BAD_CUT",
  message:
    keys.length === 0
      ? `the records up to ${cut_seq} are gone, and there is no key to check with that they were to be: give --public-key FILE`
      : `the records up to ${cut_seq} are gone, and no signature of ours says that they were to be`,
});
