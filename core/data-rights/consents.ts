import { type Person, personTag } from "../memory/person.ts";
import { instantOf, newRowId } from "../memory/row-id.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store, Work } from "../store/store.ts";
import { toHex } from "../to-hex.ts";
import { consentsOf, insertConsent, latestConsent } from "./consent-rows.ts";

/** The ledger of what people decided about being processed. */
export interface Consents {
  /** Whether the person's last decision is a yes to this wording. */
  isGiven(scope: TenantScope, person: Person, wording: string): Promise<boolean>;
  /**
   * What does these works only where that is still so in the transaction that does them: to be run
   * in one of this scope.
   */
  whileGiven(
    scope: TenantScope,
    person: Person,
    wording: string,
    works: readonly Work<void>[],
  ): Promise<Work<void>>;
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

export const createConsents = ({
  store,
  cipher,
  now,
}: {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly now: () => Date;
}): Consents => {
  const latestOf = ({ tenantId }: TenantScope, person: Buffer) =>
    store.read({ tenantId }, (transaction) =>
      transaction.first(latestConsent, { tenantId, person }),
    );

  return {
    isGiven: async (scope, whose, wording) =>
      isYes(await latestOf(scope, personTag(await cipher.of(scope), whose)), wording),

    whileGiven: async (scope, whose, wording, works) => {
      const { tenantId } = scope;
      const person = personTag(await cipher.of(scope), whose);
      return async (transaction) => {
        const last = await transaction.first(latestConsent, { tenantId, person });
        if (!isYes(last, wording)) return;
        for (const work of works) await work(transaction);
      };
    },

    prepare: async (scope, whose, { decision, wording }) => {
      const { tenantId } = scope;
      const own = await cipher.of(scope);
      const person = personTag(own, whose);
      const last = await latestOf(scope, person);
      // Behind the one before, even if that was decided where the clock is ahead of ours.
      const after = last ? instantOf(last.id).getTime() + 1 : 0;
      const id = newRowId(new Date(Math.max(now().getTime(), after)));
      const content = own.seal(placeOf(id), JSON.stringify(whose));
      const row = { tenantId, person, id, decision, wording, content };
      return async (transaction) => {
        await transaction.run(insertConsent, row);
      };
    },

    allOf: async (scope, whose) => {
      const person = personTag(await cipher.of(scope), whose);
      const rows = await store.read(scope, (transaction) =>
        transaction.all(consentsOf, { tenantId: scope.tenantId, person }),
      );
      return rows.map(({ id, decision, wording }) => ({ at: instantOf(id), decision, wording }));
    },
  };
};

const isYes = (last: NewDecision | undefined, wording: string): boolean =>
  last?.decision === "yes" && last.wording === wording;

const placeOf = (id: Uint8Array): string => `consents/${toHex(id)}/content`;
