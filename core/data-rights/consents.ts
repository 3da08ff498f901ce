import { type Person, personTag } from "../memory/person.ts";
import { instantOf, newRowId } from "../memory/row-id.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store, Work } from "../store/store.ts";
import { consentsOf, insertConsent, latestConsent } from "./consent-rows.ts";

/** The ledger of what people decided about being processed. */
export interface Consents {
  /** Whether the person's last decision is a yes to this wording. */
  isGiven(scope: TenantScope, person: Person, wording: string): Promise<boolean>;
  /** What stores a decision with its reply: to be run in a transaction of this scope. */
  prepare(scope: TenantScope, person: Person, decided: NewDecision): Promise<Work<void>>;
  /** Every decision of a person, oldest first. */
  allOf(scope: TenantScope, person: Person): Promise<readonly Decision[]>;
}

interface NewDecision {
  readonly decision: "yes" | "no";
  /** Version of the wording that the person was shown. */
  readonly wording: string;
}

export interface Decision extends NewDecision {
  readonly at: Date;
}

/** A decision that another process stored counts here after this time. */
const KNOWN_MS = 10_000;
const MOST_KNOWN = 50_000;

export const createConsents = ({
  store,
  cipher,
  now,
}: {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly now: () => Date;
}): Consents => {
  // Who said yes, and until when nobody need look again; a no is looked up each time.
  const known = new Map<string, number>();
  const keyOf = ({ tenantId }: TenantScope, person: Buffer, wording: string): string =>
    JSON.stringify([tenantId, person.toString("hex"), wording]);

  const latestOf = ({ tenantId }: TenantScope, person: Buffer) =>
    store.read({ tenantId }, (transaction) =>
      transaction.first(latestConsent, { tenantId, person }),
    );

  return {
    isGiven: async (scope, whose, wording) => {
      const person = await personTag(cipher, scope, whose);
      const key = keyOf(scope, person, wording);
      const at = now().getTime();
      if ((known.get(key) ?? 0) > at) return true;
      known.delete(key);
      const last = await latestOf(scope, person);
      if (last?.decision !== "yes" || last.wording !== wording) return false;
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(key, at + KNOWN_MS);
      return true;
    },

    prepare: async (scope, whose, { decision, wording }) => {
      const { tenantId } = scope;
      const person = await personTag(cipher, scope, whose);
      const last = await latestOf(scope, person);
      // Behind the one before, even if that was decided where the clock is ahead of ours.
      const after = last ? instantOf(last.id).getTime() + 1 : 0;
      const id = newRowId(new Date(Math.max(now().getTime(), after)));
      const content = await cipher.seal(scope, placeOf(id), Buffer.from(JSON.stringify(whose)));
      const row = { tenantId, person, id, decision, wording, content };
      return async (transaction) => {
        known.delete(keyOf(scope, person, wording));
        await transaction.run(insertConsent, row);
      };
    },

    allOf: async (scope, whose) => {
      const person = await personTag(cipher, scope, whose);
      const rows = await store.read(scope, (transaction) =>
        transaction.all(consentsOf, { tenantId: scope.tenantId, person }),
      );
      return rows.map(({ id, decision, wording }) => ({ at: instantOf(id), decision, wording }));
    },
  };
};

const placeOf = (id: Uint8Array): string => `consents/${Buffer.from(id).toString("hex")}/content`;
