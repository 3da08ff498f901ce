import { createSecretKey, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Libsql from "libsql";
import { keyVersionOf, openEnvelope } from "../../core/keys/envelope.ts";
import { parseMasterKeys } from "../../core/keys/master-keys.ts";

type Row = Readonly<Record<string, unknown>>;

/** The audit records of an embedded store in the order of their writing, what is sealed opened. */
export const openedAudit = (folder: string): readonly Row[] => {
  const database = new Libsql(join(folder, "clawgate.db"), { readonly: true });
  try {
    const records = database.prepare("SELECT * FROM audit ORDER BY rowid").all() as Row[];
    const keys = database.prepare("SELECT * FROM data_keys").all() as Row[];
    const masters = parseMasterKeys(readFileSync(join(folder, "master.key"), "utf8")) ?? [];
    const dataKey = (tenantId: unknown, version: number | undefined) => {
      const row = keys.find((key) => key.tenant_id === tenantId && Number(key.version) === version);
      const master = masters.find(({ id }) => id === row?.master_id);
      if (!row || !master) throw new Error(`no data key ${version} of ${tenantId}`);
      const context = JSON.stringify(["data key", tenantId, version]);
      return openEnvelope(master.key, 0, context, bytesOf(row.wrapped)) ?? Buffer.of();
    };
    return records.map((record) => {
      if (record.personal === null) return record;
      const sealed = bytesOf(record.personal);
      const version = keyVersionOf(sealed) ?? 0;
      const raw = dataKey(record.tenant_id, version);
      const key = createSecretKey(
        Buffer.from(hkdfSync("sha256", raw, "", "clawgate content envelope", 32)),
      );
      const place = JSON.stringify([record.tenant_id, `audit/${record.trace_id}/personal`]);
      const plain = openEnvelope(key, version, place, sealed);
      const { detail, ...who } = JSON.parse(String(plain));
      return { ...record, ...who, detail: JSON.stringify(detail) };
    });
  } finally {
    database.close();
  }
};

const bytesOf = (value: unknown): Buffer => Buffer.from(value as ArrayBuffer);
