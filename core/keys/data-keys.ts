import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import { PLATFORM_SCOPE, type TenantScope } from "../store/scope.ts";
import { statement } from "../store/statement.ts";
import type { Store } from "../store/store.ts";
import { KeyError } from "./errors.ts";
import type { KeyManagement } from "./key-management.ts";
import { beginMaking } from "./making.ts";

/** What a tenant's content is encrypted under, unwrapped. */
export interface DataKey {
  /** 1 for the tenant's first. */
  readonly version: number;
  readonly createdAt: Date;
  /** For envelopes. */
  readonly sealing: KeyObject;
  /** For keyed hashes. */
  readonly fingerprinting: KeyObject;
}

/** The tenants' data keys as the store has them. Throws StoreError, and KeyError when one does not unwrap. */
export interface DataKeys {
  /** The key that seals now; undefined before the tenant's first. */
  newest(scope: TenantScope): Promise<DataKey | undefined>;
  /** A given one; undefined when there is none of that version. */
  find(scope: TenantScope, version: number): Promise<DataKey | undefined>;
  /**
   * Makes that version unless it is there already; processes that do so at once end with one key.
   * Throws KeyError, too, when the master keys at hand are older than those that are in use.
   */
  make(scope: TenantScope, version: number): Promise<DataKey>;
}

const DATA_KEY_BYTES = 32;

const COLUMNS = ["version", "wrapped", "master_id", "created_at"] as const;

const newestRow = statement<{ tenant: string }>()((db, arg) =>
  db
    .selectFrom("data_keys")
    .select(COLUMNS)
    .where("tenant_id", "=", arg("tenant"))
    .orderBy("version", "desc")
    .limit(1),
);

const rowOfVersion = statement<{ tenant: string; version: number }>()((db, arg) =>
  db
    .selectFrom("data_keys")
    .select(COLUMNS)
    .where("tenant_id", "=", arg("tenant"))
    .where("version", "=", arg("version")),
);

interface NewRow {
  tenant: string;
  version: number;
  wrapped: Uint8Array;
  master: string;
  at: number;
}

const insertRow = statement<NewRow>()((db, arg) =>
  db
    .insertInto("data_keys")
    .values({
      tenant_id: arg("tenant"),
      version: arg("version"),
      wrapped: arg("wrapped"),
      master_id: arg("master"),
      created_at: arg("at"),
    })
    .onConflict((conflict) => conflict.columns(["tenant_id", "version"]).doNothing()),
);

interface Row {
  readonly version: number;
  readonly wrapped: Uint8Array;
  readonly master_id: string;
  readonly created_at: number;
}

/** Reads, unwraps and makes data keys; keeps none. */
export const createDataKeys = ({
  store,
  keys,
  now,
}: {
  readonly store: Store;
  readonly keys: KeyManagement;
  readonly now: () => Date;
}): DataKeys => {
  const unwrap = async ({ tenantId }: TenantScope, row: Row): Promise<DataKey> => {
    const { version } = row;
    const wrapped = { wrapped: row.wrapped, masterId: row.master_id };
    const raw = await keys.unwrap({ tenantId, version }, wrapped);
    const key = {
      version,
      createdAt: new Date(row.created_at),
      sealing: derive(raw, "clawgate content envelope"),
      fingerprinting: derive(raw, "clawgate fingerprint"),
    };
    raw.fill(0);
    return key;
  };

  const find = async (scope: TenantScope, version: number): Promise<DataKey | undefined> => {
    const row = await store.read(scope, (transaction) =>
      transaction.first(rowOfVersion, { tenant: scope.tenantId, version }),
    );
    return row && unwrap(scope, row);
  };

  return {
    newest: async (scope) => {
      const row = await store.read(scope, (transaction) =>
        transaction.first(newestRow, { tenant: scope.tenantId }),
      );
      return row && unwrap(scope, row);
    },
    find,
    make: async (scope, version) => {
      const { tenantId } = scope;
      // Whoever cannot open the platform's would wrap under a master key that may soon be thrown away.
      await find(PLATFORM_SCOPE, 1);
      const raw = randomBytes(DATA_KEY_BYTES);
      try {
        await store.write(scope, async (transaction) => {
          await transaction.first(beginMaking, {});
          // Only now, so that a rotation finds the row or we its master key; wrapping twice does no harm.
          const { wrapped, masterId } = await keys.wrap({ tenantId, version }, raw);
          const row = { tenant: tenantId, version, wrapped, master: masterId, at: now().getTime() };
          await transaction.run(insertRow, row);
        });
      } finally {
        raw.fill(0);
      }
      // Read back: another process may have been first, and then its key is the tenant's.
      const made = await find(scope, version);
      if (!made)
        throw new KeyError(`data key ${version} of tenant ${tenantId} was stored but is not there`);
      return made;
    },
  };
};

const derive = (key: Buffer, purpose: string): KeyObject =>
  createSecretKey(Buffer.from(hkdfSync("sha256", key, "", purpose, DATA_KEY_BYTES)));
