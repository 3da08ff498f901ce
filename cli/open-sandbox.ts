import { dirname, join } from "node:path";
import type { LoadedSettings } from "../config/load.ts";
import type { Log } from "../core/contract/log.ts";
import { openAuditFile } from "../sandbox/audit/audit-file.ts";
import { createSandbox, type OpenshellSandbox } from "../sandbox/openshell.ts";
import { packageRoot } from "./package-root.ts";
import { embeddedFolder } from "./storage.ts";

/** Where the installer puts engines that the system does not have. */
export const enginesFolder = join(packageRoot, ".engines");

/** Where the record of runs lies: beside the store, or beside the keys where that is elsewhere. */
const auditFolder = ({ settings, keyFile }: Pick<LoadedSettings, "settings" | "keyFile">): string =>
  join(embeddedFolder(settings) ?? dirname(keyFile), "sandbox-audit");

/** Opens the gateway's sandbox with its record. Throws SandboxError when there can be no record. */
export const openSandbox = async (
  loaded: LoadedSettings,
  log: Log,
): Promise<{ sandbox: OpenshellSandbox; close(): Promise<void> }> => {
  const auditSink = await openAuditFile({ place: { folder: auditFolder(loaded) }, log });
  const sandbox = createSandbox({
    ...loaded.settings.openshell,
    enginesFolder,
    auditSink,
    warmPool: {},
    log,
  });
  return {
    sandbox,
    async close() {
      await sandbox.close();
      await auditSink.close();
    },
  };
};
