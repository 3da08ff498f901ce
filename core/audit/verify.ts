import type { Selectable } from "kysely";
import { StoreError } from "../store/errors.ts";
import type { AuditHeadsTable } from "../store/schema.ts";
import { type TenantScope, tenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { allHeads, recordsAfter, tenantAfter, wholeHeadOf } from "./audit-rows.ts";
import { type AuditRow, digestOf, linkHash, NO_HEAD } from "./chain.ts";
import { isSigned, type SignedCheckpoint } from "./checkpoint.ts";
import type { VerifyingKey } from "./signing-key.ts";

/** What became of a record that is not as it was written. */
export type ProblemCode =
  | "CHANGED"
  | "MISSING"
  | "OUT_OF_ORDER"
  | "TRUNCATED"
  | "INSERTED"
  | "ROLLED_BACK"
  | "NOT_AS_SWORN"
  | "BAD_CUT"
  | "UNREADABLE";

/** The first place where a chain is not whole. */
export interface Problem {
  readonly seq: number;
  readonly code: ProblemCode;
  /** In words, with what to make of it. */
  readonly message: string;
}

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
  const beginAt = (head: Head, at: Place): Place | Problem => {
    if (head.cut_seq <= at.seq) return at;
    if (!isCutSigned(tenantId, head, keys)) return badCut(head, keys);
    counted.cut = head.cut_seq;
    counted.newest = head.cut_seq;
    const place = { seq: head.cut_seq, hash: head.cut_hash ?? NO_HEAD.hash, recorded_at: 0 };
    sworn.skipTo(place.seq);
    return sworn.check(place) ?? place;
  };

  try {
    let head = await headIn(store, scope);
    if (!head) return report(await withoutHead(store, scope, checkpoints));
    let at = beginAt(head, { seq: 0, hash: NO_HEAD.hash, recorded_at: 0 });
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
        const problem = problemOf(row, at) ?? sworn.check(row);
        if (problem) return report(problem);
        at = { seq: row.seq, hash: row.hash, recorded_at: row.recorded_at };
        counted.records++;
        counted.newest = row.seq;
      }
      if (rows.length > 0) continue;
      // Read after the last record: with an honest log it is never behind it.
      head = (await headIn(store, scope)) ?? head;
      const more = await page(store, scope, at.seq);
      if (more.length === 0) return report(endProblem(head, at) ?? sworn.left(at.seq));
    }
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    const { newest } = counted;
    const message = `what follows record ${newest} cannot be read: ${cause.message}`;
    return report({ seq: newest + 1, code: "UNREADABLE", message });
  }
};

type Head = Selectable<AuditHeadsTable>;
type Place = Pick<AuditRow, "seq" | "hash" | "recorded_at">;

const headIn = (store: Store, scope: TenantScope): Promise<Head | undefined> =>
  store.read(scope, (transaction) => transaction.first(wholeHeadOf, { tenant_id: scope.tenantId }));

const page = (store: Store, scope: TenantScope, after: number): Promise<readonly AuditRow[]> =>
  store.read(scope, (transaction) =>
    transaction.all(recordsAfter, { tenant_id: scope.tenantId, after, limit: AT_A_TIME }),
  );

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const problemOf = (row: AuditRow, before: Place): Problem | undefined => {
  const { seq } = row;
  if (!same(linkHash(row.prev, row, digestOf(row)), row.hash)) {
    return { seq, code: "CHANGED", message: `record ${seq} is not what was written` };
  }
  if (!same(row.prev, before.hash)) {
    return {
      seq,
      code: "OUT_OF_ORDER",
      message: `record ${seq} does not follow the record before it: one of them was put there or exchanged`,
    };
  }
  if (row.recorded_at < before.recorded_at) {
    return { seq, code: "OUT_OF_ORDER", message: `record ${seq} is older than the one before it` };
  }
  return undefined;
};

const missing = (seq: number): Problem => ({
  seq,
  code: "MISSING",
  message: `record ${seq} is missing, while later ones are there`,
});

const endProblem = (head: Head, at: Place): Problem | undefined => {
  if (head.seq > at.seq) {
    const message = `the log ends with record ${at.seq}, but ${head.seq} were written`;
    return { seq: at.seq + 1, code: "TRUNCATED", message };
  }
  if (head.seq < at.seq) {
    const message = `record ${head.seq + 1} and those that follow were put there from outside`;
    return { seq: head.seq + 1, code: "INSERTED", message };
  }
  if (same(head.hash, at.hash)) return undefined;
  const message = `record ${at.seq} is not the one that was written last: the chain was rewritten`;
  return { seq: at.seq, code: "CHANGED", message };
};

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

const isCutSigned = (tenant: string, head: Head, keys: readonly VerifyingKey[]): boolean => {
  const { cut_seq: seq, cut_hash, cut_at, cut_signature } = head;
  if (!cut_hash || cut_at === null || !cut_signature || seq > head.seq) return false;
  const [hash, at] = [hexOf(cut_hash), new Date(cut_at).toISOString()];
  const signature = Buffer.from(cut_signature).toString("base64");
  return isSigned({ kind: "cut", tenant, seq, hash, at, signature }, keys);
};

const badCut = ({ cut_seq }: Head, keys: readonly VerifyingKey[]): Problem => ({
  seq: cut_seq,
  code: "BAD_CUT",
  message:
    keys.length === 0
      ? `the records up to ${cut_seq} are gone, and there is no key to check with that they were to be: give --public-key FILE`
      : `the records up to ${cut_seq} are gone, and no signature of ours says that they were to be`,
});

/** Compares the chain with what was sworn, going up both. */
const createSworn = (checkpoints: readonly SignedCheckpoint[]) => {
  let next = 0;
  let compared = 0;
  return {
    compared: (): number => compared,
    skipTo: (seq: number): void => {
      while ((checkpoints[next]?.seq ?? seq) < seq) next++;
    },
    check: ({ seq, hash }: Pick<Place, "seq" | "hash">): Problem | undefined => {
      for (; checkpoints[next]?.seq === seq; next++) {
        const checkpoint = checkpoints[next];
        compared++;
        if (checkpoint?.hash === hexOf(hash)) continue;
        const message = `record ${seq} is not the one that the checkpoint of ${checkpoint?.at} saw: the chain was rewritten`;
        return { seq, code: "NOT_AS_SWORN", message };
      }
      return undefined;
    },
    /** What was sworn to beyond the end. */
    left: (end: number): Problem | undefined => {
      const ahead = checkpoints.at(-1);
      if (!ahead || ahead.seq <= end) return undefined;
      const message = `the log ends with record ${end}, but the checkpoint of ${ahead.at} saw record ${ahead.seq}: the database was rolled back, or records were cut off`;
      return { seq: end + 1, code: "ROLLED_BACK", message };
    },
  };
};
