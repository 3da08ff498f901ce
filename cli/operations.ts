import { type LoadedSettings, loadSettings } from "../config/load.ts";
import type { AuditLog } from "../core/audit-log.ts";
import type { Store } from "../core/store/store.ts";
import type { Io } from "./io.ts";
import { noTenant } from "./no-tenant.ts";
import type { Readable } from "./say-no.ts";
import { storeBesideGateway } from "./storage.ts";

/** What a verb works with that opens the store beside a running gateway. */
export interface Operations extends Pick<LoadedSettings, "settings" | "source"> {
  /** Where the master keys are. */
  readonly keyFile: string;
  readonly store: Store;
  readonly auditLog: AuditLog;
  readonly now: () => Date;
}

/** What such a verb is told of where the store is, and whose rows are meant. */
export interface StoreOptions extends Readable {
  readonly settings?: string | undefined;
  /** Absent = everybody's. */
  readonly tenant?: string | undefined;
}

/**
 * Runs `work` on the store of these settings and closes it; 1 without it where there is no such tenant.
 * Throws SettingsError or StoreError.
 */
export const withStore = (
  io: Io,
  options: StoreOptions,
  work: (operations: Operations) => Promise<number>,
): Promise<number> =>
  withAnyStore(io, options.settings, async (operations) => {
    const { tenant } = options;
    // A name that was mistyped must neither look like a tenant of which nothing is stored, nor get a log.
    if (tenant !== undefined && !(await isTenant(operations, tenant))) {
      return noTenant(io, options, operations, tenant);
    }
    return work(operations);
  });

// From a folder other than the gateway's, "nothing to show" would be taken for good news.
const DEMO_NOTE =
  "note: of the built-in demo, in ./data: there is no settings.json here, and CLAWGATE_SETTINGS is not set\n";

/** The same for a verb that judges by itself whose rows there should be. */
export const withAnyStore = async (
  io: Io,
  path: string | undefined,
  work: (operations: Operations) => Promise<number>,
): Promise<number> => {
  const { settings, source, keyFile, isDemo } = loadSettings({ path, env: io.env, cwd: io.cwd });
  if (isDemo) io.stderr.write(DEMO_NOTE);
  // Only verbs that use the store load the databases' drivers.
  const [{ openStore }, { createAuditLog }, { startSharedClock }] = await Promise.all([
    import("../core/store/open-store.ts"),
    import("../core/audit-log.ts"),
    import("../core/store/shared-clock.ts"),
  ]);
  const store = await openStore(storeBesideGateway(settings));
  try {
    const { now, stop } = await startSharedClock({ store, now: () => new Date() });
    try {
      return await work({
        settings,
        source,
        keyFile,
        store,
        now,
        auditLog: createAuditLog(store),
      });
    } finally {
      stop();
    }
  } finally {
    await store.close();
  }
};

/** Also one that is out of the settings, whose rows are still there: it has left its log. */
const isTenant = async ({ settings, store }: Operations, id: string): Promise<boolean> => {
  if (settings.multi_tenant.tenants.some((tenant) => tenant.id === id)) return true;
  const [{ hasLog }, { PLATFORM_SCOPE, tenantScope }] = await Promise.all([
    import("../core/audit/has-log.ts"),
    import("../core/store/scope.ts"),
  ]);
  return id === PLATFORM_SCOPE.tenantId || hasLog(store, tenantScope(id));
};
