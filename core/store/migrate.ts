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

/** Brings the schema up to date; processes that do so at the same time wait for each other. */
export const migrateToLatest = async (db: Kysely<unknown>, dialect: DialectName): Promise<void> => {
  const { error } = await new Migrator({
    db,
    provider: { getMigrations: async () => migrationsFor(dialect) },
  }).migrateToLatest();
  if (!error) return;
  const unknown = /previously executed migration (\S+) is missing/.exec(String(error))?.[1];
  throw unknown === undefined ? error : new NewerSchemaError(unknown, { cause: error });
};
