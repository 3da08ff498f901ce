import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Writable } from "node:stream";
import { auditFilesOf } from "../config/key-file.ts";
import { loadSettings } from "../config/load.ts";
import { readCheckpoints } from "../core/audit/checkpoint-file.ts";
import { createAuditReader } from "../core/audit/read-log.ts";
import {
  openSigningKey,
  readSigningKey,
  type VerifyingKey,
  verifyingKey,
} from "../core/audit/signing-key.ts";
import { type ChainReport, chainedTenants, verifyChain } from "../core/audit/verify.ts";
import { createContentCipher } from "../core/keys/content-cipher.ts";
import { KeyError } from "../core/keys/errors.ts";
import { createKeyFile } from "../core/keys/key-file.ts";
import { PLATFORM_SCOPE, tenantScope } from "../core/store/scope.ts";
import { type ExportFormat, exportHead, exportLine } from "./audit-view.ts";
import { StartError } from "./errors.ts";
import { INSTANT_FORM, parseInstant } from "./instants.ts";
import type { Io } from "./io.ts";
import { noTenant } from "./no-tenant.ts";
import { type Operations, withAnyStore, withStore } from "./operations.ts";

export interface AuditOptions {
  readonly settings?: string | undefined;
}

export interface VerifyOptions extends AuditOptions {
  readonly tenant?: string | undefined;
  readonly checkpoints?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface ExportOptions extends AuditOptions {
  readonly tenant: string;
  readonly format: ExportFormat;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
}

/** Checks the chains. 0 all are whole, 1 one of them is not, or a checkpoint does not count. */
export const verify = (io: Io, options: VerifyOptions): Promise<number> =>
  withAnyStore(io, options.settings, async (operations) => {
    const { store, settings, keyFile } = operations;
    const files = auditFilesOf(settings, keyFile);
    const keys = keysFor(io, options, files.keyFile);
    const file = fileFor(io, options, files.checkpointFile);
    const { tenant } = options;
    const { of, problems } =
      file === undefined ? NOTHING_SWORN : await readCheckpoints(file, keys, tenant);
    const chained = new Set([...(await chainedTenants(store)), ...of.keys()]);
    // A name that was mistyped is not a log that is whole; one whose rows were removed is no unknown name.
    const isKnown = (id: string) => chained.has(id) || isInSettings(operations, id);
    if (tenant !== undefined && !isKnown(tenant) && problems.length === 0) {
      return noTenant(io, options, operations, tenant);
    }
    const tenants = tenant === undefined ? [...chained].sort() : [tenant];
    const chains: SwornReport[] = [];
    for (const id of tenants) {
      const checkpoints = of.get(id) ?? [];
      const found = await verifyChain(store, id, { keys, checkpoints });
      const report = { ...found, swornTo: checkpoints.at(-1)?.seq ?? 0 };
      if (!options.json) io.stdout.write(reportText(report));
      chains.push(report);
    }
    const isWhole = problems.length === 0 && chains.every(({ problem }) => problem === undefined);
    if (options.json) {
      const view = { ok: isWhole, chains: chains.map(reportView), checkpoint_problems: problems };
      io.stdout.write(`${JSON.stringify(view)}\n`);
      return isWhole ? 0 : 1;
    }
    for (const problem of problems) io.stdout.write(`BAD   ${file}: ${problem}\n`);
    if (chains.length === 0) io.stdout.write("there is no audit log yet\n");
    if (of.size === 0) {
      io.stdout.write(
        "note: without checkpoints a chain that was rewritten as a whole, and a database that was " +
          "put back, cannot be told; a running gateway writes them every five minutes, and " +
          "--checkpoints FILE gives those that you keep elsewhere\n",
      );
    }
    return isWhole ? 0 : 1;
  });

const isInSettings = ({ settings }: Operations, id: string): boolean =>
  id === PLATFORM_SCOPE.tenantId || settings.multi_tenant.tenants.some((each) => each.id === id);

const NOTHING_SWORN = { of: new Map<string, never>(), problems: [] };

const keysFor = (io: Io, { publicKey: path }: VerifyOptions, keyFile: string): VerifyingKey[] => {
  if (path === undefined) {
    const key = readSigningKey(keyFile);
    return key ? [verifyingKey(key.publicPem, keyFile)] : [];
  }
  const pem = readGiven(io, "--public-key", path);
  try {
    return [verifyingKey(pem, path)];
  } catch (cause) {
    if (!(cause instanceof KeyError)) throw cause;
    throw new StartError(
      `audit verify: --public-key: ${cause.message}; \`clawgate audit public-key\` prints one`,
      { cause },
    );
  }
};

/** The gateway's own file where it is there, else one that was given, which must be there. */
const fileFor = (io: Io, { checkpoints }: VerifyOptions, own: string): string | undefined => {
  if (checkpoints === undefined) return existsSync(own) ? own : undefined;
  const path = resolve(io.cwd, checkpoints);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  throw new StartError(`audit verify: --checkpoints: there is no file ${path}`);
};

const readGiven = (io: Io, option: string, path: string): string => {
  try {
    return readFileSync(resolve(io.cwd, path), "utf8");
  } catch (cause) {
    throw new StartError(`audit verify: ${option}: cannot read ${path}`, { cause });
  }
};

/** With the number of the newest record that a checkpoint vouches for; 0 for none. */
type SwornReport = ChainReport & { readonly swornTo: number };

const reportText = (report: SwornReport): string => {
  const { tenantId, records, newest, cut, checkpoints, swornTo, problem } = report;
  const older = cut > 0 ? `, those up to ${cut} removed for their age` : "";
  const young = newest > swornTo ? `, nothing vouches for those after ${swornTo}` : "";
  return problem
    ? `BAD   ${tenantId}: ${problem.message} [${problem.code}]\n`
    : `whole ${tenantId}: ${records} records${older}, ${checkpoints} checkpoints agree${young}\n`;
};

const reportView = ({ tenantId, problem, swornTo, ...counted }: SwornReport) => ({
  tenant: tenantId,
  ok: problem === undefined,
  ...counted,
  sworn_to: swornTo,
  problem: problem ?? null,
});

/** Writes a tenant's log to stdout. 0 done. */
export const exportLog = (io: Io, options: ExportOptions): Promise<number> =>
  withStore(io, options, async ({ store, settings, keyFile, now }) => {
    const { tenant, format, actor, action } = options;
    const entry = settings.multi_tenant.tenants.find(({ id }) => id === tenant);
    const timeZone = entry?.time_zone ?? "UTC";
    const from = instantOf("--from", options.from, timeZone, "start");
    const to = instantOf("--to", options.to, timeZone, "end");
    if (from && to && from >= to) throw new StartError("audit export: --from: must be before --to");
    const log = {
      error: (_fields: object, message: string) => void io.stderr.write(`note: ${message}\n`),
    };
    const { createAuditLog } = await import("../core/audit-log.ts");
    const keys = createKeyFile(keyFile, now);
    const cipher = await createContentCipher({ store, keys, now, log });
    const auditLog = createAuditLog(store, cipher);
    const reader = createAuditReader({ store, cipher, auditLog, now });
    const scope = tenantScope(tenant);
    await write(io.stdout, exportHead(format));
    for await (const record of reader.all("cli", scope, { from, to, actor, action })) {
      await write(io.stdout, exportLine(format, record));
    }
    return 0;
  });

const instantOf = (
  option: string,
  text: string | undefined,
  timeZone: string,
  edge: "start" | "end",
): Date | undefined => {
  const at = text === undefined ? undefined : parseInstant(text, timeZone, edge);
  if (text === undefined || at) return at;
  throw new StartError(`audit export: ${option}: must be ${INSTANT_FORM}`);
};

/** A reader that is slower than the store is waited for. */
const write = async (to: Writable, text: string): Promise<void> => {
  if (!to.write(text)) await once(to, "drain");
};

/** Prints the public key, making the pair where there is none yet. 0 done. */
export const publicKey = (io: Io, options: AuditOptions): number => {
  const { settings, keyFile } = loadSettings({
    path: options.settings,
    env: io.env,
    cwd: io.cwd,
  });
  io.stdout.write(openSigningKey(auditFilesOf(settings, keyFile).keyFile).publicPem);
  return 0;
};
