import {
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { toHex } from "../to-hex.ts";
import type { Tables } from "./schema.ts";

export type DialectName = "sqlite" | "postgres";

/** A query that is built once and run often, in either dialect. */
export interface Statement<Args, Row> {
  /** SQL text with the parameters for these arguments, in order. */
  bind(dialect: DialectName, args: Args): BoundQuery;
  /** Only there so that the row's type is known to whoever runs the statement. */
  readonly row?: Row;
}

export interface BoundQuery {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

/**
 * Describes a query with named arguments: `arg("lane")` stands for what is bound at every run.
 * Building a query costs ten times what running it does, so it is built at first use and kept.
 *
 *     const byLane = statement<{ lane: string }>()((db, arg) =>
 *       db.selectFrom("inbox").select("id").where("lane", "=", arg("lane")));
 *
 * @param words arguments that are one of a few plain words. They stand in the text, which is built once for
 * each of them, since to bind a word costs SQLite half of a microsecond.
 */
export const statement =
  <Args extends object>(words: readonly (keyof Args & string)[] = []) =>
  <Row>(
    build: (
      db: Kysely<Tables>,
      arg: <Name extends keyof Args & string>(name: Name) => Args[Name],
      dialect: DialectName,
    ) => Compilable<Row>,
  ): Statement<Args, Row> => {
    const built: Built[] = [];
    const buildFor = (dialect: DialectName, given: Given): Built => {
      // Kysely hands every value on untouched, so a placeholder comes out where its value goes.
      const inPlace = (name: keyof Args & string) =>
        words.includes(name) ? plainWord(given[name]) : new Placeholder(name);
      const query = build(builders[dialect], (name) => inPlace(name) as never, dialect).compile();
      const names = query.parameters.map((value) => (value as Placeholder).name);
      return { dialect, words: words.map((name) => given[name]), sql: query.sql, names };
    };
    return {
      bind: (dialect, args) => {
        const given = args as Given;
        let known = built.find(
          (one) =>
            one.dialect === dialect &&
            words.every((name, place) => given[name] === one.words[place]),
        );
        if (!known) {
          known = buildFor(dialect, given);
          built.push(known);
        }
        return { sql: known.sql, parameters: known.names.map((name) => given[name]) };
      },
    };
  };

type Given = Readonly<Record<string, unknown>>;

/** A text for one dialect and some words. */
interface Built {
  readonly dialect: DialectName;
  readonly words: readonly unknown[];
  readonly sql: string;
  /** Of what is bound to it. */
  readonly names: readonly string[];
}

class Placeholder {
  constructor(readonly name: string) {}
}

/** Throws RangeError for what is no plain word: texts are kept, and must hold nothing that people write. */
const plainWord = (value: unknown): string => {
  if (typeof value === "string" && /^[\w-]{0,64}$/.test(value)) return value;
  throw new RangeError("a statement's word is letters, digits, _ and -, at most 64");
};

// What is the same at every run stands in the text, so only placeholders are bound: a partial index is
// used only where the text shows that it fits.

class SqliteText extends SqliteQueryCompiler {
  protected override appendValue(value: unknown): void {
    if (value instanceof Placeholder) super.appendValue(value);
    else if (value instanceof Uint8Array) this.append(`x'${toHex(value)}'`);
    else this.appendImmediateValue(value);
  }
}

class PostgresText extends PostgresQueryCompiler {
  protected override appendValue(value: unknown): void {
    if (value instanceof Placeholder) super.appendValue(value);
    else if (value instanceof Uint8Array) this.append(`decode('${toHex(value)}', 'hex')`);
    else this.appendImmediateValue(value);
  }
}

const builders: Readonly<Record<DialectName, Kysely<Tables>>> = {
  sqlite: new Kysely({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteText(),
    },
  }),
  postgres: new Kysely({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresText(),
    },
  }),
};
