import type { Settings } from "../config/schema.ts";
import type { StoreLocation } from "../core/store/open-store.ts";

/** Where the store of these settings is. */
export const storeLocation = ({ storage }: Pick<Settings, "storage">): StoreLocation => ({
  url: storage.url,
  migrateUrl: storage.migrate_url,
});

/** The same for what may run beside a gateway of another version: only a gateway changes the schema. */
export const storeBesideGateway = (settings: Pick<Settings, "storage">): StoreLocation => ({
  ...storeLocation(settings),
  migrate: false,
});

/** The folder of an embedded store; undefined for PostgreSQL. */
export const embeddedFolder = ({ storage }: Pick<Settings, "storage">): string | undefined =>
  storage.url.startsWith("file:") ? storage.url.slice("file:".length) : undefined;
