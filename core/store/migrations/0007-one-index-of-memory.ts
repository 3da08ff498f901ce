import { type Kysely, sql } from "kysely";

/**
 * Finds a person's rows and those of a conversation by one index. Its places are random, so each
 * index more was a page more to write for every message; a conversation's rows are of one person.
 */
export const indexMemoryOnce = async (db: Kysely<unknown>): Promise<void> => {
  for (const text of [
    "DROP INDEX memory_by_person",
    "DROP INDEX memory_by_conversation",
    "CREATE INDEX memory_by_conversation ON memory (tenant_id, person, conversation, id)",
  ]) {
    await sql.raw(text).execute(db);
  }
};
