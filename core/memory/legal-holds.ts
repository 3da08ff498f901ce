import { randomUUID } from "node:crypto";
import type { AuditLog, OwnRecord } from "../audit-log.ts";
import type { ContentCipher } from "../store/content-cipher.ts";
import type { TenantScope } from "../store/scope.ts";
import type { Store } from "../store/store.ts";
import { anyHold, holdsOn, putHold, removeHold } from "./legal-hold-rows.ts";
import { type Person, personTag } from "./person.ts";

/** Whose data must be kept: neither age nor a request erases what is held. */
export interface LegalHolds {
  /** Holds what is stored of a person, or (none given) of everybody of the tenant; on record. */
  hold(who: string, scope: TenantScope, person?: Person): Promise<void>;
  /** Ends that hold, on record; false when there was none. */
  release(who: string, scope: TenantScope, person?: Person): Promise<boolean>;
  /** Whether a hold covers this person. */
  isHeld(scope: TenantScope, person: Person): Promise<boolean>;
  /** The holds that cover this person. */
  allOn(scope: TenantScope, person: Person): Promise<readonly Hold[]>;
  /** Whether anybody of the tenant is held. */
  isAnyHeld(scope: TenantScope): Promise<boolean>;
}

export interface Hold {
  readonly on: "person" | "tenant";
  readonly since: Date;
}

const EVERYBODY = Buffer.alloc(0);

export const createLegalHolds = ({
  store,
  cipher,
  auditLog,
  now,
}: {
  readonly store: Store;
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}): LegalHolds => {
  const tagOf = async (scope: TenantScope, person: Person | undefined): Promise<Buffer> =>
    person ? personTag(await cipher.of(scope), person) : EVERYBODY;

  /** Whom it is about is a person: by the keyed hash, as everywhere in the log. */
  const recordOf = (
    who: string,
    scope: TenantScope,
    action: "hold" | "release",
    tag: Buffer,
  ): OwnRecord => ({
    at: now(),
    traceId: randomUUID(),
    scope,
    actor: who,
    durationMs: 0,
    action: `memory.${action}`,
    decision: "allowed",
    code: "OK",
    subject: tag.length === 0 ? "tenant" : "person",
    detail: tag.length === 0 ? {} : { person_tag: tag.toString("hex") },
  });

  const allOn = async (scope: TenantScope, whose: Person): Promise<readonly Hold[]> => {
    const { tenantId } = scope;
    const person = personTag(await cipher.of(scope), whose);
    const found = await store.read(scope, (transaction) =>
      transaction.all(holdsOn, { tenantId, person, everybody: EVERYBODY }),
    );
    return found.map(({ person: of, since }) => ({
      on: of.length === 0 ? "tenant" : "person",
      since: new Date(since),
    }));
  };

  return {
    hold: async (who, scope, whose) => {
      const { tenantId } = scope;
      const person = await tagOf(scope, whose);
      const record = recordOf(who, scope, "hold", person);
      await store.write(scope, async (transaction) => {
        await transaction.run(putHold, { tenantId, person, since: now().getTime() });
        await auditLog.recordIn(transaction, record);
      });
    },
    release: async (who, scope, whose) => {
      const { tenantId } = scope;
      const person = await tagOf(scope, whose);
      const record = recordOf(who, scope, "release", person);
      return store.write(scope, async (transaction) => {
        const released = await transaction.run(removeHold, { tenantId, person });
        if (released > 0) await auditLog.recordIn(transaction, record);
        return released > 0;
      });
    },
    isHeld: async (scope, whose) => (await allOn(scope, whose)).length > 0,
    allOn,
    isAnyHeld: async (scope) => {
      const found = await store.read(scope, (transaction) =>
        transaction.first(anyHold, { tenantId: scope.tenantId }),
      );
      return found !== undefined;
    },
  };
};
