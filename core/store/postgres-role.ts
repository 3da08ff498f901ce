import type pg from "pg";
import { StoreError } from "./errors.ts";

/**
 * Throws StoreError when the role of this pool could pass the wall between tenants, or does not find
 * the tables. The wall binds neither superusers nor BYPASSRLS; the owner of the tables or of their
 * schema, whoever can become it, and CREATEROLE, which until PostgreSQL 16 can become anybody, could
 * take it down. Asked of the tables that the role finds, not of a schema's: its search path need not
 * be the owner's.
 */
export const refuseTooMighty = async (pool: pg.Pool): Promise<void> => {
  const { rows } = await pool.query<{
    who: string;
    isLost: boolean;
    schema: string | null;
    mighty: boolean;
    owns: boolean;
  }>(
    `SELECT current_user AS who,
       to_regclass('inbox') IS NULL AS "isLost",
       (SELECT min(relnamespace::regnamespace::text) FROM pg_class
         WHERE relname = 'data_keys' AND relkind = 'r') AS schema,
       EXISTS (SELECT FROM pg_roles WHERE (rolsuper OR rolbypassrls OR rolcreaterole)
         AND pg_has_role(current_user, oid, 'MEMBER')) AS mighty,
       EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE pg_class.oid = to_regclass('inbox') AND (pg_has_role(current_user, relowner, 'MEMBER')
           OR pg_has_role(current_user, nspowner, 'MEMBER'))) AS owns`,
  );
  const role = rows[0];
  if (role && !role.mighty && !role.owns && !role.isLost) return;
  const who = `the PostgreSQL role ${role?.who ?? "?"} of storage.url`;
  if (role?.isLost) {
    throw new StoreError(
      `${who} does not find the tables, because its search_path is not their owner's: add to the URL ` +
        `?options=-c%20search_path%3D${encodeURIComponent(role.schema ?? "public")}`,
    );
  }
  throw new StoreError(
    `${who} ${role?.owns ? "owns the tables or their schema" : "can pass row-level security (superuser, BYPASSRLS or CREATEROLE)"}: ` +
      "give storage.url a role of its own and storage.migrate_url the owner's, or storage.url alone the owner's",
  );
};
