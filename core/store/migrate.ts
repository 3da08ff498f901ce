import { type Kysely, Migrator, sql } from "kysely";
import { migrationsFor } from "./migrations.ts";
import type { DialectName } from "./statement.ts";

/** A newer version has changed the schema: this one would misread it, so it stays away. */
class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
  constructor(migration: string, options: ErrorOptions) {
    super(
      `its schema is of a newer version of clawgate (${migration}): start that version or a later one, ` +
        "or put back the backup from before the update",
      options,
    );
  }
}

/** Of an older version, which may be at work: who may not change the schema stays away. */
class OlderSchemaError extends Error {
  override readonly name = "OlderSchemaError";
  constructor(migration: string) {
    super(
      `its schema is of an older version of clawgate (without ${migration}): start the gateway of this ` +
        "version once, which brings it up to date; until then use the commands of that older version",
    );
  }
}

/** A version before the first release made it, which stored in the clear what people wrote. */
class PreReleaseSchemaError extends Error {
  override readonly name = "PreReleaseSchemaError";
  constructor(options: ErrorOptions) {
    super(
      "it was made before the first release, unencrypted, and cannot be taken over: move it away, " +
        "and the gateway makes a new one",
      options,
    );
  }
}

const PRE_RELEASE = "0001-inbox-outbox-audit";

/**
 * Sees that the schema is this version's without changing one that is there. False when there is
 * none yet. Throws OlderSchemaError, NewerSchemaError or PreReleaseSchemaError when it is not.
 */
export const hasOurSchema = async (db: Kysely<unknown>, dialect: DialectName): Promise<boolean> => {
  const made = await madeIn(db, dialect);
  if (made.size === 0) return false;
  const ours = Object.keys(migrationsFor(dialect));
  const unknown = [...made].find((name) => !ours.includes(name));
  if (unknown !== undefined) throw strangerError(unknown, {});
  const missing = ours.find((name) => !made.has(name));
  if (missing !== undefined) throw new OlderSchemaError(missing);
  return true;
};

/** Names of the migrations that made the schema. */
const madeIn = async (db: Kysely<unknown>, dialect: DialectName): Promise<ReadonlySet<string>> => {
  const { rows: tables } = await sql`SELECT 1 ${sql.raw(IF_MADE[dialect])}`.execute(db);
  if (tables.length === 0) return new Set();
  const { rows } = await sql<{ name: string }>`SELECT name FROM kysely_migration`.execute(db);
  return new Set(rows.map(({ name }) => name));
};

const IF_MADE: Readonly<Record<DialectName, string>> = {
  sqlite: "FROM sqlite_master WHERE name = 'kysely_migration'",
  postgres: "WHERE to_regclass('kysely_migration') IS NOT NULL",
};

/**
 * Brings the schema up to date, all of it or nothing, wherever the process dies; processes that do so
 * at the same time wait for each other.
 */
export const migrateToLatest = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  if (dialect === "postgres") return migrate(db, dialect);
  // Nobody has to wait then for those who write.
  if (isLatest(await madeIn(db, dialect), dialect)) return;
  // Kysely knows neither a transaction nor a lock for SQLite's migrations: half of one would stay.
  await sql`BEGIN IMMEDIATE`.execute(db);
  try {
    await migrate(db, dialect);
    await sql`COMMIT`.execute(db);
  } catch (cause) {
    // A full disk has ended the transaction already.
    await sql`ROLLBACK`.execute(db).catch(() => {});
    throw cause;
  }
};

const isLatest = (made: ReadonlySet<string>, dialect: DialectName): boolean => {
  const ours = Object.keys(migrationsFor(dialect));
  return made.size === ours.length && ours.every((name) => made.has(name));
};

const migrate = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => migrationsFor(dialect) },
  }).migrateToLatest();
  if (!error) return;
  const unknown = /previously executed migration (\S+) is missing/.exec(String(error))?.[1];
  if (unknown === undefined) throw error;
  throw strangerError(unknown, { cause: error });
};

const strangerError = (migration: string, options: ErrorOptions): Error =>
  migration === PRE_RELEASE
    ? new PreReleaseSchemaError(options)
    : new NewerSchemaError(migration, options);

/** Whether a schema is not this version's, and the message of the error says what to do. */
export const isSchemaError = (error: unknown): boolean =>
  error instanceof OlderSchemaError ||
  error instanceof NewerSchemaError ||
  error instanceof PreReleaseSchemaError;
