import { StoreError } from "./errors.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";

export interface StoreLocation {
  /** `file:<folder>` or `postgres://…`. */
  readonly url: string;
  /** PostgreSQL only: logs in as the tables' owner; absent = `url` does, and steps down. */
  readonly migrateUrl?: string | undefined;
  /**
   * Whether a schema of an older version is brought up to date, or refused because a process of that
   * version may be at work on it. Where there is no schema yet, one is made either way. Default true.
   */
  readonly migrate?: boolean;
}

/** Opens the store, with the schema of this version. Throws StoreError when it cannot be used. */
export const openStore = async ({
  url,
  migrateUrl,
  migrate = true,
}: StoreLocation): Promise<Store> => {
  if (url.startsWith("file:")) return openSqliteStore(url.slice("file:".length), migrate);
  if (/^postgres(ql)?:/.test(url)) return openPostgresStore({ url, migrateUrl, migrate });
  throw new StoreError("storage.url is neither file:<folder> nor postgres://…");
};
