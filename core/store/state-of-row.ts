import { sql } from "kysely";

/**
 * The state of a row that a statement names by its key. An expression, so that no database takes
 * the partial index of that state instead: while few rows are in it, that looks as cheap as the key,
 * and then the same plan goes through all of a backlog.
 */
export const stateOfRow = sql<string>`state || ''`;
