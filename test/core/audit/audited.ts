import { join } from "node:path";
import { type SignedCheckpoint, signCheckpoint } from "../../../core/audit/checkpoint.ts";
import { openSigningKey, verifyingKey } from "../../../core/audit/signing-key.ts";
import { type ChainReport, verifyChain } from "../../../core/audit/verify.ts";
import { type AuditLog, type AuditRecord, createAuditLog } from "../../../core/audit-log.ts";
import type { ContentCipher } from "../../../core/store/content-cipher.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { textMessage } from "../../fakes/messages.ts";
import type { StoreWorld } from "../../fakes/stores.ts";

/** The audit logs of a store, and what a test does to them behind their back. */
export interface Audited {
  readonly cipher: ContentCipher;
  readonly auditLog: AuditLog;
  /** Signs and checks. */
  readonly key: ReturnType<typeof openSigningKey>;
  /** Writes so many records of people and operators. */
  fill(tenantId: string, count: number, at?: Date): Promise<void>;
  verify(tenantId: string, checkpoints?: readonly SignedCheckpoint[]): Promise<ChainReport>;
  /** What a checkpoint made now says. */
  checkpoint(tenantId: string): Promise<SignedCheckpoint>;
  /** The stored rows of a tenant's records and its head. */
  dump(tenantId: string): Promise<Dump>;
  /** Puts rows in the place of those that are there, whatever the triggers say. */
  restore(tenantId: string, dump: Dump): Promise<void>;
}

type Row = Readonly<Record<string, unknown>>;
export interface Dump {
  readonly audit: readonly Row[];
  readonly audit_heads: readonly Row[];
}

/** A person's message, or with `actor` an operator's action. */
export const recordOf = (
  tenantId: string,
  index: number,
  at: Date,
  actor?: string,
): AuditRecord => ({
  ...{
    at,
    traceId: `trace-${tenantId}-${index}`,
    scope: tenantScope(tenantId),
    durationMs: index % 7,
  },
  ...(actor === undefined
    ? { message: textMessage(`m${index}`, "hi", `wei${index % 3}`), action: "message" as const }
    : { actor, action: "queue.show" as const }),
  ...({ subject: "text", decision: "answered", code: "OK" } as const),
  detail: { index },
});

export const audited = async (world: StoreWorld, folder: string): Promise<Audited> => {
  const { store } = world;
  const cipher = await cipherOn(store, folder);
  const auditLog = createAuditLog(store, cipher);
  const key = openSigningKey(join(folder, "audit-signing.key"));
  const keys = [verifyingKey(key.publicPem, "the test")];
  const dump = async (tenantId: string): Promise<Dump> => ({
    audit: await world.sql(`SELECT * FROM audit WHERE tenant_id = '${tenantId}' ORDER BY seq`),
    audit_heads: await world.sql(`SELECT * FROM audit_heads WHERE tenant_id = '${tenantId}'`),
  });
  return {
    ...{ cipher, auditLog, key, dump },
    fill: async (tenantId, count, at = new Date()) => {
      for (let index = 0; index < count; index++) {
        const actor = index % 4 === 3 ? "cli" : undefined;
        await auditLog.record(recordOf(tenantId, index, new Date(at.getTime() + index), actor));
      }
    },
    verify: (tenantId, checkpoints = []) => verifyChain(store, tenantId, { keys, checkpoints }),
    checkpoint: async (tenantId) => {
      const [head] = (await dump(tenantId)).audit_heads;
      const hash = Buffer.from(head?.hash as Uint8Array).toString("hex");
      const at = "2026-03-01T00:00:00.000Z";
      return signCheckpoint(
        { kind: "checkpoint", tenant: tenantId, seq: Number(head?.seq), hash, at },
        key,
      );
    },
    restore: async (tenantId, rows) => {
      const statements: string[] = [];
      for (const table of ["audit", "audit_heads"] as const) {
        statements.push(`DELETE FROM ${table} WHERE tenant_id = '${tenantId}'`);
        for (const row of rows[table]) {
          const values = Object.values(row).map((value) => literal(world.dialect, value));
          statements.push(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${values})`);
        }
      }
      await behindItsBack(world, statements);
    },
  };
};

/** Runs statements that no trigger sees. */
export const behindItsBack = async (
  world: StoreWorld,
  statements: readonly string[],
): Promise<void> => {
  if (world.dialect === "postgres") {
    const [begin, end] = ["SET session_replication_role = replica", "RESET ALL"];
    await world.sql([begin, ...statements, end].join(";"));
    return;
  }
  const database = openSqlite(`${world.url.slice("file:".length)}/clawgate.db`);
  try {
    database.pragma("synchronous = OFF");
    const run = (text: string) => database.prepare(text).run([]);
    run("BEGIN IMMEDIATE");
    const triggers = database
      .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit%'")
      .all([]);
    for (const { name } of triggers) run(`DROP TRIGGER ${name}`);
    for (const statement of statements) run(statement);
    for (const { sql } of triggers) run(String(sql));
    run("COMMIT");
  } finally {
    database.close();
  }
};

const literal = (dialect: StoreWorld["dialect"], value: unknown): string => {
  if (value === null || value === undefined) return "NULL";
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value).toString("hex");
    return dialect === "sqlite" ? `X'${hex}'` : `'\\x${hex}'`;
  }
  return typeof value === "number" ? String(value) : `'${String(value).replaceAll("'", "''")}'`;
};

/** Like the log of another process on the same store. */
export const otherLog = async (store: Store, folder: string): Promise<AuditLog> =>
  createAuditLog(store, await cipherOn(store, folder));
