import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import type { AuditLog } from "../core/audit-log.ts";
import type { Store } from "../core/store/store.ts";
import type { Io } from "./io.ts";
import { storeLocation } from "./storage.ts";

/** What a verb works with that opens the store beside a running gateway. */
export interface Operations {
  readonly settings: Settings;
  /** Where the master keys are. */
  readonly keyFile: string;
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}

/** Runs `work` on the store of these settings and closes it. Throws SettingsError or StoreError. */
export const withStore = async <T>(
  io: Io,
  path: string | undefined,
  work: (operations: Operations) => Promise<T>,
): Promise<T> => {
  const { settings, keyFile } = loadSettings({ path, env: io.env, cwd: io.cwd });
  // Only verbs that use the store load the databases' drivers.
  const [{ openStore }, { createAuditLog }] = await Promise.all([
    import("../core/store/open-store.ts"),
    import("../core/audit-log.ts"),
  ]);
  const store = await openStore(storeLocation(settings));
  try {
    return await work({
      settings,
      keyFile,
      store,
      auditLog: createAuditLog(store),
      now: () => new Date(),
    });
  } finally {
    await store.close();
  }
};
