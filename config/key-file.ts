import { dirname, join, resolve as resolvePath } from "node:path";
import type { Report } from "./report.ts";
import type { Settings } from "./schema.ts";

/**
 * Where the master keys are: `storage.key_file`, else `master.key` in the folder of an embedded
 * store, else (PostgreSQL) `data/master.key` beside the settings. Absolute.
 */
export const keyFileOf = ({ storage }: Settings, baseDir: string): string => {
  if (storage.key_file !== undefined) return storage.key_file;
  return storage.url.startsWith("file:")
    ? join(storage.url.slice("file:".length), "master.key")
    : resolvePath(baseDir, "data/master.key");
};

/** The files that prove the audit log; by default beside the key file. Absolute. */
export const auditFilesOf = (
  { storage }: Pick<Settings, "storage">,
  keyFile: string,
): { readonly keyFile: string; readonly checkpointFile: string } => ({
  keyFile: storage.audit_key_file ?? join(dirname(keyFile), "audit-signing.key"),
  checkpointFile:
    storage.audit_checkpoint_file ?? join(dirname(keyFile), "audit-checkpoints.jsonl"),
});

/** Names the key file to whoever believes that the keys are elsewhere. */
export const warnAboutKeyFile = (
  { enterprise }: Settings,
  keyFile: string,
  report: Report,
): void => {
  if (enterprise.encryption.at_rest?.key_management !== "vault") return;
  report.warn(
    ["enterprise", "encryption", "at_rest", "key_management"],
    `Vault cannot be used yet: the master keys are in the key file ${keyFile}`,
  );
};
