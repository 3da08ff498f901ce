import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { StoreAwayError, StoreError } from "./errors.ts";
import { APP_ROLE, migratePostgres } from "./postgres-migrate.ts";
import { refuseTooMighty } from "./postgres-role.ts";
import { placeOf, refuseNonsense, userOf } from "./postgres-url.ts";
import type { Access } from "./scope.ts";
import type { Statement } from "./statement.ts";
import type { Store, Transaction, Work } from "./store.ts";
import { createTurnstile } from "./turnstile.ts";

const CONNECTIONS = 16;
// A platform waits 5 s for its acknowledgement; a database that takes longer is not there.
const CONNECT_MS = 3_000;
// Nothing here takes long; what does has lost its connection without a word.
const QUERY_MS = 15_000;
// The server ends a statement before we give it up: it would go on, and keep its locks.
const STATEMENT_MS = QUERY_MS - 1_000;
// What a process holds that was suspended in the middle of a transaction, or whose machine is gone,
// the others wait for: it has to end before they give up.
const IDLE_IN_TRANSACTION_MS = 10_000;
// deadlock_detected and serialization_failure: https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html
// feature_not_supported: a newer version, beside us, has added columns to what a connection has prepared.
const STALE_PLAN = "0A000";
const TRY_AGAIN = new Set(["40P01", "40001", STALE_PLAN]);
// Connection exceptions, insufficient resources, operator intervention, system errors:
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const AWAY = /^(?:08|53|57|58)/;
// read_only_sql_transaction: another server has taken over, and this one only follows it.
const FOLLOWS = "25006";
const TRIES = 5;
const PAUSE_MS = 20;
const INT8 = 20; // the type id of int8: https://www.postgresql.org/docs/current/catalog-pg-type.html

/**
 * Opens a PostgreSQL store. Every transaction names whose rows it may touch, and row-level security
 * holds it to that; the role that it runs as can neither own the tables nor pass the wall. Throws
 * StoreError when it cannot be opened, or when its role could.
 */
export const openPostgresStore = async (options: {
  readonly url: string;
  readonly migrateUrl?: string | undefined;
  /** As of StoreLocation. */
  readonly migrate: boolean;
}): Promise<Store> => {
  const { url, migrateUrl, migrate } = options;
  refuseNonsense("storage.url", url);
  if (migrateUrl !== undefined) refuseNonsense("storage.migrate_url", migrateUrl);
  const stepsDown = migrateUrl === undefined;
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    application_name: "clawgate",
    types: { getTypeParser: parserOf },
    // With one URL the login owns the tables: it becomes somebody who does not.
    onConnect: async (client) => {
      await client.query(stepsDown ? `${SESSION_LIMITS}; SET ROLE ${APP_ROLE}` : SESSION_LIMITS);
    },
  });
  // A connection that breaks: whoever uses it learns it from the query, and the pool makes another
  // one. Without a listener, either would end the process.
  pool.on("error", () => {});
  // After a failover, or a change of the schema, connections from before it are used no more.
  let generation = 0;
  const generations = new WeakMap<pg.PoolClient, number>();
  const isCurrent = (client: pg.PoolClient) => generations.get(client) === generation;
  pool.on("connect", (client) => {
    client.on("error", () => {});
    generations.set(client, generation);
  });
  try {
    await migratePostgres(migrateUrl ?? url, stepsDown ? APP_ROLE : userOf(url), migrate);
    await refuseTooMighty(pool);
  } catch (cause) {
    await pool.end();
    if (cause instanceof StoreError) throw cause;
    throw new StoreError(`cannot open PostgreSQL at ${placeOf(url)}: ${messageOf(cause)}`, {
      cause,
    });
  }

  // Before the pool, whose time to connect would else include the wait for our own works.
  const turnstile = createTurnstile(CONNECTIONS);
  const running = new Set<Promise<unknown>>();
  const run = <T>(begin: string, work: Work<T>): Promise<T> => {
    const started = turnstile.pass(() => persist(begin, work));
    running.add(started);
    const forget = () => running.delete(started);
    started.then(forget, forget);
    return started;
  };

  const connect = async (): Promise<pg.PoolClient> => {
    try {
      for (;;) {
        const client = await pool.connect();
        if (isCurrent(client)) return client;
        client.release(true);
      }
    } catch (cause) {
      const error = new StoreAwayError(`PostgreSQL not reachable: ${messageOf(cause)}`, { cause });
      // Who waits for a place would only find the same out later, one after the other.
      turnstile.turnAway(error);
      throw error;
    }
  };

  /** Nothing of a transaction that lost against another one, or a plan, is stored: it only has to be done again. */
  const persist = async <T>(begin: string, work: Work<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await transact(begin, work);
      } catch (cause) {
        if (tries === TRIES || !TRY_AGAIN.has(codeOf(cause))) throw cause;
        await pause(PAUSE_MS * tries * Math.random());
      }
    }
  };

  const transact = async <T>(begin: string, work: Work<T>): Promise<T> => {
    const client = await connect();
    let broken: Error | undefined;
    try {
      await ask(client, { text: begin });
      const value = await work(transactionOn(client));
      // Where a statement was refused and the work went on all the same, this rolls back, and only says so.
      const { command } = await ask(client, { text: "COMMIT" });
      if (command !== "COMMIT")
        throw new StoreError("PostgreSQL kept nothing: a statement had failed");
      return value;
    } catch (cause) {
      await client.query("ROLLBACK").catch((error: Error) => {
        broken = error;
      });
      if (isCurrent(client) && [FOLLOWS, STALE_PLAN].includes(codeOf(cause))) generation++;
      throw cause;
    } finally {
      // With an error, or true, the pool throws the connection away.
      client.release(broken ?? !isCurrent(client));
    }
  };

  return {
    dialect: "postgres",
    read: (access, work) => run(`BEGIN READ ONLY; ${accessing(access)}`, work),
    write: (access, work) =>
      run(`BEGIN; SET LOCAL synchronous_commit = on; ${accessing(access)}`, work),
    note: (access, work) =>
      run(`BEGIN; SET LOCAL synchronous_commit = off; ${accessing(access)}`, work),
    // What becomes of removed rows is its administrator's: vacuum, archived logs, backups.
    forget: async () => {},
    close: async () => {
      await Promise.allSettled(running);
      await pool.end();
    },
  };
};

/** Tells the row-level security policies whose transaction this is, until its end. */
const accessing = (access: Access): string => {
  const [setting, value] =
    typeof access === "string" ? ["clawgate.access", access] : ["clawgate.tenant", access.tenantId];
  return `SELECT set_config('${setting}', ${pg.escapeLiteral(value)}, true)`;
};

/** Unless whoever runs the database has set one. */
const limit = (setting: string, ms: number): string =>
  `SELECT set_config('${setting}', '${ms}', false) WHERE current_setting('${setting}') = '0'`;

// https://www.postgresql.org/docs/current/runtime-config-client.html
const SESSION_LIMITS = [
  limit("statement_timeout", STATEMENT_MS),
  limit("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MS),
].join("; ");

const ask = async (client: pg.PoolClient, query: pg.QueryConfig): Promise<pg.QueryResult> => {
  try {
    return await client.query(query);
  } catch (cause) {
    if (cause instanceof StoreError) throw cause;
    if (isAway(cause)) throw new StoreAwayError(`PostgreSQL lost: ${messageOf(cause)}`, { cause });
    throw new StoreError(`PostgreSQL refused: ${messageOf(cause)}`, { cause });
  }
};

/** Whether the connection broke, the server goes down or starts, or it lacks memory, disk or places. */
const isAway = (cause: unknown): boolean =>
  !(cause instanceof pg.DatabaseError) || AWAY.test(cause.code ?? "") || cause.code === FOLLOWS;

/** What the server said why, of an error that `ask` threw; empty for none. */
const codeOf = (cause: unknown): string =>
  cause instanceof StoreError && cause.cause instanceof pg.DatabaseError
    ? (cause.cause.code ?? "")
    : "";

const transactionOn = (client: pg.PoolClient): Transaction => {
  const query = <Args>(statement: Statement<Args, unknown>, args: Args, suffix = "") => {
    const { sql, parameters } = statement.bind("postgres", args);
    const text = sql + suffix;
    return ask(client, { name: nameOf(text), text, values: [...parameters] });
  };
  const transaction: Transaction = {
    all: async <Args, Row>(statement: Statement<Args, Row>, args: Args) =>
      (await query(statement, args)).rows as Row[],
    first: async <Args, Row>(statement: Statement<Args, Row>, args: Args) =>
      (await query(statement, args)).rows[0] as Row | undefined,
    run: async (statement, args) => (await query(statement, args)).rowCount ?? 0,
    execute: async (statement, args) => {
      await query(statement, args);
    },
    insert: async (statement, args) =>
      (await query(statement, args, ' returning "id"')).rows[0]?.id,
    // No other work shares its commit.
    leave: (write, item) => write(transaction, [item]),
  };
  return transaction;
};

// Names under which connections keep prepared statements: as many as there are texts, not values.
const names = new Map<string, string>();
const nameOf = (text: string): string => {
  let name = names.get(text);
  if (name === undefined) {
    name = `q${names.size}`;
    names.set(text, name);
  }
  return name;
};

const parserOf: pg.CustomTypesConfig["getTypeParser"] = (id, format) =>
  id === INT8 ? toSafeNumber : pg.types.getTypeParser(id, format);

const toSafeNumber = (text: string): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new StoreError("a number is beyond 2^53");
  return number;
};

const messageOf = (cause: unknown): string =>
  cause instanceof Error
    ? cause.message || ("code" in cause ? `${cause.code}` : cause.name)
    : String(cause);
