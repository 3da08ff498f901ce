import { existsSync, statfsSync } from "node:fs";
import type { LoadedSettings } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import { createDataKeys } from "../core/keys/data-keys.ts";
import { KeyError } from "../core/keys/errors.ts";
import { createKeyFile } from "../core/keys/key-file.ts";
import { type Depth, readDepths } from "../core/operators/depths.ts";
import { StoreError } from "../core/store/errors.ts";
import { isSchemaError } from "../core/store/migrate.ts";
import { openStore } from "../core/store/open-store.ts";
import { PLATFORM_SCOPE } from "../core/store/scope.ts";
import type { Store } from "../core/store/store.ts";
import { bad, type Finding, ok } from "./finding.ts";
import { embeddedFolder, storeBesideGateway } from "./storage.ts";

const MIB = 1024 * 1024;
/** The log of what was written grows by some 10 MiB before it begins anew. */
const LEAST_ROOM_BYTES = 64 * MIB;

/** Opens the store, and with the key file what is stored in it. Makes no key. */
export const storeFindings = async ({
  settings,
  keyFile,
}: Pick<LoadedSettings, "settings" | "keyFile">): Promise<readonly Finding[]> => {
  let store: Store | undefined;
  try {
    store = await openStore(storeBesideGateway(settings));
    return [await depthFinding(store, settings), await keyFinding(store, keyFile)];
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const text = message.replace(/^store: /, "");
    return [bad("store", text, remedyFor(cause, settings))];
  } finally {
    await store?.close();
  }
};

const depthFinding = async (store: Store, settings: Settings): Promise<Finding> => {
  const depths = await readDepths(store, new Date());
  const count = (state: Depth["state"]) =>
    depths.reduce((sum, depth) => sum + (depth.state === state ? depth.messages : 0), 0);
  const folder = embeddedFolder(settings);
  const place = folder ?? "PostgreSQL";
  const text = `${place}: ${count("waiting")} messages waiting, ${count("dead")} dead letters`;
  const room = folder === undefined ? Infinity : roomBytes(folder);
  if (room >= LEAST_ROOM_BYTES) return ok("store", text);
  const left = `${text}; ${Math.floor(room / MIB)} MiB of its disk are left`;
  return bad("store", left, "make room: where the disk is full, nothing is accepted");
};

/** What the disk of a folder has left for us. */
const roomBytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

const keyFinding = async (store: Store, keyFile: string): Promise<Finding> => {
  const check = "keys";
  const keys = createKeyFile(keyFile, () => new Date());
  try {
    // The first data key of every store is the platform's.
    const isUsed =
      (await createDataKeys({ store, keys, now: () => new Date() }).newest(PLATFORM_SCOPE)) !==
      undefined;
    if (isUsed) return ok(check, `${keyFile} opens what is stored`);
    if (!existsSync(keyFile)) return ok(check, `${keyFile} is made at the first start`);
    await keys.currentId();
    return ok(check, keyFile);
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause;
    return bad(check, cause.message, "every host needs the same key file (docs/encryption.md)");
  }
};

/** The reason itself is in the message. */
const remedyFor = (cause: unknown, settings: Settings): string => {
  if (cause instanceof StoreError && isSchemaError(cause.cause)) {
    return "nothing was changed: make the schema and the installed version the same, as it says";
  }
  const code = codeBelow(cause);
  if (embeddedFolder(settings) === undefined) {
    return (
      POSTGRES_REMEDIES.get(code) ??
      "let this machine reach PostgreSQL with the role of storage.url (docs/operations.md)"
    );
  }
  return (
    FOLDER_REMEDIES.find(([codes]) => codes.test(code))?.[1] ??
    "set storage.url to another folder, or put this one back from its backup"
  );
};

// Of the operating system, and of SQLite, whose extended codes say more behind: https://www.sqlite.org/rescode.html
const FOLDER_REMEDIES: readonly (readonly [codes: RegExp, remedy: string])[] = [
  [
    /^(?:EACCES|ENOENT|ENOTDIR|EROFS|EPERM|SQLITE_(?:READONLY|CANTOPEN)\w*)$/,
    "make the folder of storage.url, and all in it, writable for the user who runs the gateway",
  ],
  [/^(?:ENOSPC|EDQUOT|SQLITE_FULL|SQLITE_IOERR\w*)$/, "make room on the disk of storage.url"],
];

// Of the operating system, and of PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
const POSTGRES_REMEDIES: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "start PostgreSQL there, or correct host and port in storage.url"],
  ["ENOTFOUND", "correct the host in storage.url: it has no address"],
  ["28P01", "correct user and password in storage.url; write special characters as %XX"],
  ["28000", "let that user in (pg_hba.conf), or correct it in storage.url"],
  ["3D000", "create the database, as docs/operations.md has it, or correct it in storage.url"],
  ["42501", "give the role its rights, as docs/operations.md has it"],
  ["53300", "raise max_connections: each process holds up to 16"],
]);

const codeBelow = (cause: unknown): string => {
  for (let at = cause; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string" && at.code !== "STORE_FAILED") return at.code;
  }
  return "";
};
