import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { StoreError } from "./errors.ts";
import { hasOurSchema, migrateToLatest } from "./migrate.ts";

/** Who the gateway is in the database when it has one URL only: nobody can log in as it. */
export const APP_ROLE = "clawgate_app";

const TABLES = [
  ...["inbox", "outbox", "processes", "data_keys", "api_keys", "channel_state"],
  ...["model_costs", "rate_limits"],
  ...["memory", "memory_tokens", "memory_foldings", "consents", "legal_holds"],
  "reviews",
];

/**
 * Brings the schema up to date as the tables' owner and gives `appRole` what the gateway needs, and
 * no more: the audit log can be written and read, and what is old in it removed, not changed.
 * Replicas that start together wait for each other (Kysely's migrations hold an advisory lock).
 * @param migrate as of StoreLocation
 */
export const migratePostgres = async (
  ownerUrl: string,
  appRole: string,
  migrate: boolean,
): Promise<void> => {
  const pool = new pg.Pool({
    connectionString: ownerUrl,
    max: 1,
    connectionTimeoutMillis: 3_000,
    // Others wait for its lock, also when this process is suspended or its machine gone.
    onConnect: async (client) => {
      await client.query("SET idle_in_transaction_session_timeout = '60s'");
    },
  });
  // A connection that breaks fails the query; without a listener it would end the process as well.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    await refuseOldServer(db);
    if (!migrate && (await hasOurSchema(db, "postgres"))) return;
    await migrateToLatest(db, "postgres");
    await grantInTurn(db, appRole);
  } finally {
    await db.destroy();
  }
};

const refuseOldServer = async (db: Kysely<unknown>): Promise<void> => {
  const { rows } = await sql<{
    version: string;
  }>`SELECT current_setting('server_version_num') AS version`.execute(db);
  const major = Math.floor(Number(rows[0]?.version ?? 0) / 10_000);
  if (major < 15) throw new StoreError(`PostgreSQL ${major} is too old: 15 or newer is needed`);
};

/**
 * One process at a time: two grants at once collide. The lock is one database's and roles are the
 * whole server's, so where a gateway on another database is at it as well, it is done once more.
 */
const grantInTurn = async (db: Kysely<unknown>, appRole: string, triesLeft = 5): Promise<void> => {
  try {
    await db.transaction().execute(async (transaction) => {
      await sql`SELECT pg_advisory_xact_lock(hashtext('clawgate roles'))`.execute(transaction);
      if (appRole === APP_ROLE) await ensureAppRole(transaction);
      await grant(transaction, appRole);
    });
  } catch (cause) {
    if (triesLeft <= 1 || !isCollision(cause)) throw cause;
    await grantInTurn(db, appRole, triesLeft - 1);
  }
};

// unique_violation, duplicate_object, and internal_error, which is "tuple concurrently updated".
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const COLLISIONS: readonly unknown[] = ["23505", "42710", "XX000"];

const isCollision = (error: unknown): boolean => {
  const fault = error instanceof StoreError ? error.cause : error;
  return fault instanceof pg.DatabaseError && COLLISIONS.includes(fault.code);
};

const ensureAppRole = async (db: Kysely<unknown>): Promise<void> => {
  // Not 'USAGE': a role that inherits nothing can step down all the same. Since PostgreSQL 16 who
  // made a role is its member without being allowed to become it.
  // https://www.postgresql.org/docs/16/functions-info.html
  const { rows } = await sql<{ mayBecome: boolean | null }>`SELECT
    pg_has_role(current_user, oid, CASE
      WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END
    ) AS "mayBecome"
    FROM pg_roles WHERE rolname = ${APP_ROLE}`.execute(db);
  if (rows[0]?.mayBecome) return;
  const role = sql.id(APP_ROLE);
  try {
    if (rows.length === 0) await sql`CREATE ROLE ${role} NOLOGIN`.execute(db);
    await sql`GRANT ${role} TO CURRENT_USER`.execute(db);
  } catch (cause) {
    throw new StoreError(
      `the role ${APP_ROLE} cannot be set up by the role of storage.url; as a superuser run: ` +
        `CREATE ROLE ${APP_ROLE} NOLOGIN; GRANT ${APP_ROLE} TO <the role of storage.url>;`,
      { cause },
    );
  }
};

const grant = async (db: Kysely<unknown>, appRole: string): Promise<void> => {
  const role = sql.id(appRole);
  const { rows } = await sql<{ schema: string }>`SELECT current_schema() AS schema`.execute(db);
  await sql`GRANT USAGE ON SCHEMA ${sql.id(rows[0]?.schema ?? "public")} TO ${role}`.execute(db);
  for (const table of TABLES) {
    await sql`GRANT SELECT, INSERT, UPDATE, DELETE ON ${sql.table(table)} TO ${role}`.execute(db);
  }
  // Triggers let nothing be deleted but what is old and behind a signed cut, and keep the heads.
  await sql`GRANT SELECT, INSERT, DELETE ON audit TO ${role}`.execute(db);
  await sql`GRANT SELECT, UPDATE (cut_seq, cut_hash, cut_at, cut_signature)
    ON audit_heads TO ${role}`.execute(db);
};
