import type { DialectName } from "../statement.ts";

/** The words of a dialect for the columns that we use. */
export interface ColumnTypes {
  /** Of a name that rows are ordered by: byte by byte, whatever the database's language. */
  readonly name: string;
  readonly integer: string;
  readonly bytes: string;
  /** Of a column that numbers its rows in order. */
  readonly id: string;
}

export const COLUMN_TYPES: Readonly<Record<DialectName, ColumnTypes>> = {
  sqlite: { name: "TEXT", integer: "INTEGER", bytes: "BLOB", id: "INTEGER PRIMARY KEY" },
  postgres: {
    name: 'TEXT COLLATE "C"',
    integer: "BIGINT",
    bytes: "BYTEA",
    id: "BIGINT GENERATED ALWAYS AS IDENTITY",
  },
};
