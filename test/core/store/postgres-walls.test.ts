import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { StoreError } from "../../../core/store/errors.ts";
import { openStore, type StoreLocation } from "../../../core/store/open-store.ts";
import { APP_ROLE } from "../../../core/store/postgres-migrate.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import type { Store } from "../../../core/store/store.ts";
import { selfSigned } from "../../fakes/certificate.ts";
import { deliveryProcess } from "../../fakes/delivery-process.ts";
import { freePort } from "../../fakes/free-port.ts";
import { lacks } from "../../fakes/need-server.ts";
import { markedMessage, plantTenant } from "../../fakes/planted-tenant.ts";
import { type PostgresServer, startPostgres } from "../../fakes/postgres-server.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const now = () => new Date();
const DENIED = "42501"; // https://www.postgresql.org/docs/current/errcodes-appendix.html
// What is written there is never changed; see the migration that chains it.
const AUDIT: readonly string[] = ["audit", "audit_heads"];

describe.skipIf(lacks("postgresql"))("PostgreSQL", () => {
  let server: PostgresServer;
  let url: string;
  let opened: Store[] = [];
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());
  afterEach(async () => {
    await Promise.all(opened.map((store) => store.close()));
    opened = [];
  });
  const open = async (location: StoreLocation = { url }) => {
    const store = await openStore(location);
    opened.push(store);
    return store;
  };
  const connected = async <T>(at: string, use: (client: pg.Client) => Promise<T>): Promise<T> => {
    const client = new pg.Client(at);
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end();
    }
  };
  const asSuperuser = (...statements: readonly string[]) =>
    connected(server.asSuperuser(url), async (client) => {
      for (const text of statements) await client.query(text);
    });
  const roleUrl = (role: string, password: string) => {
    const at = new URL(url);
    at.username = role;
    at.password = password;
    return at.href;
  };

  describe("the wall between tenants", () => {
    const OURS = `FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`;
    /** Kysely's own record of what was migrated: it holds nothing of anybody, and the gateway's role may not touch it. */
    const KYSELYS = ["kysely_migration", "kysely_migration_lock"];
    let tables: readonly string[];
    let app: pg.Client;
    let planted: string;

    // Once for all: no test of the wall leaves a change behind.
    beforeAll(async () => {
      planted = await server.createDatabase();
      const store = await openStore({ url: planted });
      const keys = mkdtempSync(join(tmpdir(), "clawgate-keys-"));
      const process = await deliveryProcess({ store, folder: keys, now });
      for (const tenantId of ["sales", "legal"]) {
        await plantTenant(process, store, tenantId, "planted");
      }
      await store.close();
      rmSync(keys, { recursive: true });
    });
    beforeEach(async () => {
      app = new pg.Client(planted);
      await app.connect();
      await app.query(`SET ROLE ${APP_ROLE}`);
      const { rows } = await app.query(`SELECT relname ${OURS} ORDER BY relname`);
      tables = rows.map(({ relname }) => relname as string);
    });
    afterEach(() => app.end());

    const ofTenants = () => tables.filter((table) => !KYSELYS.includes(table));
    /** Runs one statement as the gateway's role under these settings, and undoes it. */
    const under = async (settings: Readonly<Record<string, string>>, text: string) => {
      await app.query("BEGIN");
      try {
        for (const [name, value] of Object.entries(settings)) {
          await app.query("SELECT set_config($1, $2, true)", [name, value]);
        }
        return await app.query(text);
      } finally {
        await app.query("ROLLBACK");
      }
    };
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => "allowed",
        (cause: unknown) => (cause instanceof pg.DatabaseError ? cause.code : cause),
      );
    const countAll = async (table: string) =>
      connected(server.asSuperuser(planted), async (client) =>
        Number((await client.query(`SELECT count(*) FROM "${table}"`)).rows[0].count),
      );

    it("shows 0 rows of every table to raw SQL without a tenant", async () => {
      expect(ofTenants().length).toBeGreaterThanOrEqual(6);
      for (const table of tables) {
        expect(await countAll(table), `rows of ${table} for this test to hide`).toBeGreaterThan(0);
        const select = under({}, `SELECT * FROM "${table}"`);
        if (KYSELYS.includes(table)) expect([table, await codeOf(select)]).toEqual([table, DENIED]);
        else expect([table, (await select).rows]).toEqual([table, []]);
      }
    });

    it("shows 0 rows for an empty tenant, access or one that nobody has", async () => {
      for (const settings of [
        { "clawgate.tenant": "" },
        { "clawgate.access": "" },
        { "clawgate.access": "superuser" },
        { "clawgate.tenant": "nobody" },
        { "clawgate.tenant": "%" },
      ]) {
        for (const table of ofTenants().filter((name) => name !== "processes")) {
          const { rows } = await under(settings, `SELECT * FROM "${table}"`);
          expect([settings, table, rows]).toEqual([settings, table, []]);
        }
      }
    });

    it("is forced on every table, for its owner too", async () => {
      const { rows } = await app.query(
        `SELECT relname, relrowsecurity AND relforcerowsecurity AS walled ${OURS} ORDER BY relname`,
      );
      for (const { relname, walled } of rows) {
        expect([relname, walled]).toEqual([relname, !KYSELYS.includes(relname)]);
      }
      await app.query("RESET ROLE");
      for (const table of ofTenants()) {
        expect([table, (await under({}, `SELECT * FROM "${table}"`)).rows]).toEqual([table, []]);
      }
    });

    it("shows a tenant its own rows and no others", async () => {
      for (const table of ofTenants().filter((name) => name !== "processes")) {
        const { rows } = await under({ "clawgate.tenant": "sales" }, `SELECT * FROM "${table}"`);
        expect([table, new Set(rows.map((row) => row.tenant_id))]).toEqual([
          table,
          new Set(["sales"]),
        ]);
      }
    });

    it("refuses to write a row into another tenant, or to give one away", async () => {
      for (const table of ofTenants().filter((name) => name !== "processes")) {
        const { rows: columns } = await app.query(
          `SELECT quote_ident(column_name) AS name FROM information_schema.columns
           WHERE table_name = $1 AND is_identity = 'NO' ORDER BY ordinal_position`,
          [table],
        );
        const names: string[] = columns.map(({ name }) => name);
        const values = names.map((name) => (name === "tenant_id" ? "'legal'" : name));
        const settings = { "clawgate.tenant": "sales" };
        const insert = `INSERT INTO "${table}" (${names}) SELECT ${values} FROM "${table}" LIMIT 1`;
        expect([table, await codeOf(under(settings, insert))]).toEqual([table, DENIED]);
        const update = `UPDATE "${table}" SET tenant_id = 'legal'`;
        expect([table, await codeOf(under(settings, update))]).toEqual([table, DENIED]);
      }
    });

    it("lets a tenant neither change nor remove another's rows", async () => {
      for (const table of ofTenants().filter((name) => !["processes", ...AUDIT].includes(name))) {
        for (const change of [
          `UPDATE "${table}" SET tenant_id = tenant_id WHERE tenant_id = 'legal'`,
          `DELETE FROM "${table}" WHERE tenant_id = 'legal'`,
        ]) {
          const { rowCount } = await under({ "clawgate.tenant": "sales" }, change);
          expect([change, rowCount]).toEqual([change, 0]);
        }
      }
    });

    it("lets a tenant rewrite no audit record, and remove none of another's", async () => {
      const settings = { "clawgate.tenant": "sales" };
      for (const table of AUDIT) {
        const update = `UPDATE "${table}" SET seq = seq, hash = hash`;
        expect([table, await codeOf(under(settings, update))]).toEqual([table, DENIED]);
      }
      expect(await codeOf(under(settings, "DELETE FROM audit_heads"))).toBe(DENIED);
      const remove = "DELETE FROM audit WHERE tenant_id = 'legal'";
      expect((await under(settings, remove)).rowCount).toBe(0);
    });

    it("lets an operator read all and change nothing", async () => {
      const settings = { "clawgate.access": "operator" };
      for (const table of ofTenants().filter((name) => name !== "processes")) {
        const { rows } = await under(settings, `SELECT * FROM "${table}"`);
        expect([table, rows.length]).toEqual([table, await countAll(table)]);
        const change = `UPDATE "${table}" SET tenant_id = 'sales'`;
        const outcome = await under(settings, change).then(
          ({ rowCount }) => rowCount,
          (cause: unknown) => (cause instanceof pg.DatabaseError ? cause.code : cause),
        );
        expect([table, outcome]).toEqual([table, AUDIT.includes(table) ? DENIED : 0]);
        const remove = await codeOf(under(settings, `DELETE FROM "${table}" RETURNING 1`));
        expect([table, remove]).toEqual([table, table === "audit_heads" ? DENIED : "allowed"]);
        expect(await countAll(table)).toBe(rows.length);
      }
    });

    it("shows the intake the inbox, what waits for reviewers and whose data must be kept, and nothing else that is a tenant's", async () => {
      for (const table of ofTenants().filter((name) => name !== "processes")) {
        const { rows } = await under({ "clawgate.access": "intake" }, `SELECT * FROM "${table}"`);
        const isShown = ["inbox", "legal_holds", "reviews"].includes(table);
        expect([table, rows.length > 0]).toEqual([table, isShown]);
      }
    });

    it("cannot be taken down, owned or gone around by the gateway's role", async () => {
      for (const text of [
        "ALTER TABLE inbox DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON inbox",
        "CREATE POLICY all_of_it ON inbox USING (true)",
        "TRUNCATE inbox CASCADE",
        "TRUNCATE audit",
        "DROP TABLE audit",
        "DROP TRIGGER audit_refuses_change ON audit",
        "CREATE TABLE mine (x int)",
        "SET session_replication_role = replica",
        "SET LOCAL row_security = off; SELECT * FROM inbox",
      ]) {
        expect([text, await codeOf(under({}, text))]).toEqual([text, DENIED]);
      }
    });

    it("forgets whose transaction it was when the transaction ends", async () => {
      await app.query("BEGIN");
      await app.query("SELECT set_config('clawgate.tenant', 'sales', true)");
      expect((await app.query("SELECT * FROM inbox")).rows).not.toEqual([]);
      await app.query("COMMIT");
      expect((await app.query("SELECT * FROM inbox")).rows).toEqual([]);
    });
  });

  describe("the roles", () => {
    beforeEach(async () => {
      url = await server.createDatabase();
    });
    const LOGIN = "clawgate_login";
    const PASSWORD = "a-secret-of-the-login";

    const cleanUp = ["REASSIGN OWNED BY $ TO postgres", "DROP OWNED BY $", "DROP ROLE $"];
    afterEach(() =>
      asSuperuser(...cleanUp.map((text) => text.replace("$", LOGIN))).catch(() => {}),
    );

    it("may be a login of its own, which can use the tables and does not own them", async () => {
      await asSuperuser(`CREATE ROLE ${LOGIN} LOGIN PASSWORD '${PASSWORD}'`);
      const store = await open({ url: roleUrl(LOGIN, PASSWORD), migrateUrl: url });
      const process = await deliveryProcess({ store, folder: folder.path, now });
      await plantTenant(process, store, "sales", "planted");
      const who = await connected(roleUrl(LOGIN, PASSWORD), async (client) => [
        (await client.query("SELECT * FROM inbox")).rows.length,
        (await client.query("SELECT pg_has_role($1, 'USAGE') AS mighty", ["owner"])).rows[0].mighty,
      ]);
      expect(who).toEqual([0, false]);
      const after = await open({ url: roleUrl(LOGIN, PASSWORD), migrateUrl: url });
      const next = await deliveryProcess({ store: after, folder: folder.path, now });
      expect(
        await next.inbox.accept(markedMessage("sales", "done", "x"), tenantScope("sales")),
      ).toMatchObject({ isNew: false });
    });

    it("may name its login in the query of the URL, before which the user is nobody", async () => {
      await asSuperuser(`CREATE ROLE ${LOGIN} LOGIN PASSWORD '${PASSWORD}'`);
      const at = new URL(url);
      at.username = "postgres";
      at.search = `user=${LOGIN}&password=${PASSWORD}`;
      const store = await open({ url: at.href, migrateUrl: url });
      await deliveryProcess({ store, folder: folder.path, now });
    });

    it("refuses a storage.url that logs in as the owner beside a migrate_url", async () => {
      await expect(openStore({ url, migrateUrl: url })).rejects.toThrow(
        /the PostgreSQL role owner of storage.url owns the tables.*storage\.migrate_url/,
      );
    });

    it.each([
      ["bypasses row-level security", "BYPASSRLS", ""],
      ["can make itself the owner", "CREATEROLE", ""],
      ["is a superuser", "SUPERUSER", ""],
      ["can become the owner", "", `GRANT owner TO ${LOGIN}`],
      ["can become the owner when it says so", "NOINHERIT", `GRANT owner TO ${LOGIN}`],
      ["can become a superuser", "NOINHERIT", `GRANT postgres TO ${LOGIN}`],
      [
        "owns the tables' schema",
        "",
        `ALTER SCHEMA public OWNER TO ${LOGIN}; GRANT ALL ON SCHEMA public TO owner`,
      ],
    ])("refuses a storage.url whose role %s", async (_why, attributes, grant) => {
      await asSuperuser(`CREATE ROLE ${LOGIN} LOGIN ${attributes} PASSWORD '${PASSWORD}'`);
      if (grant) await asSuperuser(grant);
      const opening = openStore({ url: roleUrl(LOGIN, PASSWORD), migrateUrl: url });
      await expect(opening).rejects.toThrow(new RegExp(`role ${LOGIN} of storage.url`));
    });

    it("attack: a schema of the role's own name does not hide that it can become the owner", async () => {
      await asSuperuser(
        `CREATE ROLE ${LOGIN} LOGIN PASSWORD '${PASSWORD}'`,
        `GRANT owner TO ${LOGIN}`,
        `CREATE SCHEMA ${LOGIN} AUTHORIZATION ${LOGIN}`,
      );
      const opening = openStore({ url: roleUrl(LOGIN, PASSWORD), migrateUrl: url });
      await expect(opening).rejects.toThrow(new RegExp(`role ${LOGIN} of storage.url owns`));
    });

    it("says what to do when the gateway's role does not find the tables", async () => {
      // Ahead of `public` in the search path, and another one for each role.
      await asSuperuser("CREATE SCHEMA owner AUTHORIZATION owner");
      await expect(openStore({ url })).rejects.toThrow(/search_path%3Downer/);
      const named = `${url}?options=${encodeURIComponent("-c search_path=owner")}`;
      await open({ url: named });
    });

    it("may be a login that inherits nothing and was granted the role it steps down to", async () => {
      await asSuperuser(
        `DO $$ BEGIN CREATE ROLE ${APP_ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object THEN END $$`,
        `CREATE ROLE ${LOGIN} LOGIN NOINHERIT PASSWORD '${PASSWORD}'`,
        `GRANT ${APP_ROLE} TO ${LOGIN}`,
        `ALTER SCHEMA public OWNER TO ${LOGIN}`,
      );
      await open({ url: roleUrl(LOGIN, PASSWORD) });
    });
  });

  describe("opening", () => {
    beforeAll(async () => {
      url = await server.createDatabase();
    });
    it("brings the schema up once when processes start at the same moment on an empty database", async () => {
      const stores = await Promise.all(Array.from({ length: 4 }, () => open()));
      const processes = await Promise.all(
        stores.map((store) => deliveryProcess({ store, folder: folder.path, now })),
      );
      const receipts = await Promise.all(
        processes.map(({ inbox }) =>
          inbox.accept(markedMessage("sales", "m1", "x"), tenantScope("sales")),
        ),
      );
      expect(receipts.filter(({ isNew }) => isNew)).toHaveLength(1);
    });

    it("brings up several databases of a new server at the same moment", async () => {
      const apart = await startPostgres();
      try {
        const urls = await Promise.all(Array.from({ length: 4 }, () => apart.createDatabase()));
        const stores = await Promise.all(urls.map((each) => openStore({ url: each })));
        await Promise.all(stores.map((store) => store.close()));
      } finally {
        await apart.close();
      }
    });

    it("says what to do when the one login may not use the role that it steps down to", async () => {
      await asSuperuser(
        "CREATE ROLE helpless LOGIN PASSWORD 'hunter2'",
        "GRANT ALL ON ALL TABLES IN SCHEMA public TO helpless",
      );
      await expect(openStore({ url: roleUrl("helpless", "hunter2") })).rejects.toThrow(
        /as a superuser run: CREATE ROLE clawgate_app NOLOGIN; GRANT clawgate_app TO/,
      );
    });

    it.each([
      ["a wrong password", () => ({ password: "hunter2-is-wrong" })],
      ["an unknown role", () => ({ username: "nobody", password: "hunter2-is-wrong" })],
      ["a database that is not there", () => ({ pathname: "/nowhere" })],
      ["a host that nobody answers at", async () => ({ host: `127.0.0.1:${await freePort()}` })],
      ["a host that does not exist", () => ({ host: "nowhere.invalid:5432" })],
    ])("says what is wrong with %s, without the password", async (_what, change) => {
      const at = Object.assign(new URL(url), await change());
      const failure = await openStore({ url: at.href }).then(
        () => expect.unreachable(),
        (cause: unknown) => cause,
      );
      expect(failure).toBeInstanceOf(StoreError);
      expect(String(failure)).toContain(`cannot open PostgreSQL at ${at.host}${at.pathname}: `);
      expect(String(failure)).toMatch(/: \S.{5,}$/);
      for (const secret of [at.password, new URL(url).password]) {
        expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain(secret);
      }
    });

    it.each([
      "ssl=required",
      "ssl=true",
      "sslmod=verify-full",
      "ssl_mode=require",
      "SSLMODE=require",
    ])(
      "attack: ?%s does not lead to a connection without TLS, nor end the process",
      async (query) => {
        const opening = openStore({ url: `${url}?${query}` });
        await expect(opening).rejects.toThrow(/storage\.url.*sslmode=verify-full/);
        const migrating = openStore({ url, migrateUrl: `${url}?${query}` });
        await expect(migrating).rejects.toThrow(/storage\.migrate_url.*sslmode=verify-full/);
      },
    );

    it("checks the server's certificate and name with sslmode=verify-full", async () => {
      const { cert, key } = selfSigned("localhost");
      const authority = join(folder.path, "ca.crt");
      writeFileSync(authority, cert);
      const superuser = server.asSuperuser(url);
      const data = await connected(superuser, async (client) => {
        const { rows } = await client.query("SHOW data_directory");
        return String(rows[0].data_directory);
      });
      const { uid, gid } = statSync(data);
      for (const [name, text] of Object.entries({ "server.crt": cert, "server.key": key })) {
        writeFileSync(join(data, name), text, { mode: 0o600 });
        chownSync(join(data, name), uid, gid);
      }
      await asSuperuser("ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()");
      const at = new URL(url);
      at.hostname = "localhost";
      at.search = `sslmode=verify-full&sslrootcert=${authority}`;
      await vi.waitFor(() => open({ url: at.href }), 10_000);
      const { rows } = await connected(superuser, (client) =>
        client.query(
          `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
           WHERE application_name = 'clawgate'`,
        ),
      );
      expect(rows).toEqual([{ ssl: true }]);
      at.hostname = "127.0.0.1";
      await expect(openStore({ url: at.href })).rejects.toThrow(/does not match certificate/);
      at.hostname = "localhost";
      at.search = "sslmode=verify-full";
      await expect(openStore({ url: at.href })).rejects.toThrow(/self-signed certificate/);
    });

    it("does not repeat a URL that it cannot read, because of its password", async () => {
      const broken = "postgres://owner:hunter2@[nonsense/database";
      const failure = await openStore({ url: broken }).catch((cause: unknown) => cause);
      expect(failure).toBeInstanceOf(StoreError);
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain("hunter2");
    });
  });
});
