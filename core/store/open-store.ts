import { StoreError } from "./errors.ts";
import { openPostgresStore } from "./postgres-store.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import type { Store } from "./store.ts";

export interface StoreLocation {
  /** `file:<folder>` or `postgres://…`. */
  readonly url: string;
  /** PostgreSQL only: logs in as the tables' owner; absent = `url` does, and steps down. */
  readonly migrateUrl?: string | undefined;
}

/** Opens the store and brings its schema up to date. Throws StoreError when it cannot be used. */
export const openStore = async ({ url, migrateUrl }: StoreLocation): Promise<Store> => {
  if (url.startsWith("file:")) return openSqliteStore(url.slice("file:".length));
  if (/^postgres(ql)?:/.test(url)) return openPostgresStore({ url, migrateUrl });
  throw new StoreError("storage.url is neither file:<folder> nor postgres://…");
};
