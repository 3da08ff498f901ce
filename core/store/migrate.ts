import { type Kysely, Migrator } from "kysely";
import { migrationsFor } from "./migrations.ts";
import type { DialectName } from "./statement.ts";

/** A newer version has changed the schema: this one would misread it, so it stays away. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
  constructor(migration: string, options: ErrorOptions) {
    super(
      `its schema is of a newer version of clawgate (${migration}): start that version or a later one, ` +
        "or put back the backup from before the update",
      options,
    );
  }
}

/** A version before the first release made it, which stored in the clear what people wrote. */
export class PreReleaseSchemaError extends Error {
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

/** Brings the schema up to date; processes that do so at the same time wait for each other. */
export const migrateToLatest = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => migrationsFor(dialect) },
  }).migrateToLatest();
  if (!error) return;
  const unknown = /previously executed migration (\S+) is missing/.exec(String(error))?.[1];
  if (unknown === undefined) throw error;
  if (unknown === PRE_RELEASE) throw new PreReleaseSchemaError({ cause: error });
  throw new NewerSchemaError(unknown, { cause: error });
};
