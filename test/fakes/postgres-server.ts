import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "./free-port.ts";
import { locate } from "./need-server.ts";
import { serverProcess } from "./server-process.ts";

const SUPERUSER = "postgres";
const OWNER = "owner";

/** A real PostgreSQL of its own: fsync on, 127.0.0.1 only, passwords required. */
export interface PostgresServer {
  /**
   * Makes an empty database and resolves with its owner's URL. The owner, the same role for every
   * database of the server, has CREATEROLE; it is no superuser and does not bypass row-level security.
   */
  createDatabase(): Promise<string>;
  /** The same database as the superuser, whom row-level security does not hold; for a test's own eyes only. */
  asSuperuser(databaseUrl: string): string;
  /**
   * Ends it and waits. SIGINT (default) disconnects clients and shuts down in order, SIGTERM waits
   * for clients to leave, SIGQUIT and SIGKILL are crashes; committed rows survive each.
   * @see https://www.postgresql.org/docs/current/server-shutdown.html
   */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again: same port, same data. */
  start(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

/** Starts a new server; throws where PostgreSQL is not installed (see `lacks`). Takes about a second: one per test file. */
export const startPostgres = async (): Promise<PostgresServer> => {
  const programs = locate("postgresql");
  const port = await freePort();
  const user = unprivilegedUser();
  const folder = mkdtempSync(join(tmpdir(), "clawgate-postgres-"));
  const data = join(folder, "data");
  const passwords = { [SUPERUSER]: secret(), [OWNER]: secret() };
  const settings = [
    ...["listen_addresses=127.0.0.1", `port=${port}`, "unix_socket_directories="],
    ...["fsync=on", "max_connections=200"],
  ];
  const server = serverProcess({
    command: [
      join(programs, "postgres"),
      ...["-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    ],
    ready: "database system is ready to accept connections",
    folder,
    endSignal: "SIGQUIT",
    user,
  });
  const urlOf = (role: keyof typeof passwords, database: string) =>
    `postgres://${role}:${passwords[role]}@127.0.0.1:${port}/${database}`;

  const query = async (sql: string) => {
    const client = new pg.Client(urlOf(SUPERUSER, "postgres"));
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };

  let databases = 0;
  try {
    await initialise(join(programs, "initdb"), {
      folder,
      data,
      password: passwords.postgres,
      user,
    });
    await server.start();
    await query(`CREATE ROLE ${OWNER} LOGIN CREATEROLE PASSWORD '${passwords.owner}'`);
  } catch (error) {
    await server.close();
    throw error;
  }

  return {
    createDatabase: async () => {
      const name = `test_${++databases}`;
      await query(`CREATE DATABASE ${name} OWNER ${OWNER} TEMPLATE template0`);
      return urlOf(OWNER, name);
    },
    asSuperuser: (databaseUrl) => urlOf(SUPERUSER, new URL(databaseUrl).pathname.slice(1)),
    stop: (signal = "SIGINT") => server.stop(signal),
    start: server.start,
    close: server.close,
  };
};

const secret = () => randomBytes(16).toString("hex");

interface Cluster {
  readonly folder: string;
  readonly data: string;
  readonly password: string;
  readonly user: User | undefined;
}

const initialise = async (initdb: string, { folder, data, password, user }: Cluster) => {
  const passwordFile = join(folder, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user) for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid);
  await promisify(execFile)(
    initdb,
    [
      ...["-D", data, "-U", SUPERUSER, "--pwfile", passwordFile, "--auth=scram-sha-256"],
      // The cluster's first files need not survive a power cut; what tests write is synced.
      ...["--encoding=UTF8", "--no-locale", "--no-sync"],
    ],
    { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C" } },
  );
};

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root; then this user runs it. Undefined for everyone else. */
const unprivilegedUser = (): User | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const [, , uid, gid] =
    users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody") ?? [];
  if (!uid || !gid) throw new Error("no user to run PostgreSQL as: add one named postgres");
  return { uid: Number(uid), gid: Number(gid) };
};
