import { auditFilesOf } from "../config/key-file.ts";
import { openSigningKey } from "../core/audit/signing-key.ts";
import { createAuditLog } from "../core/audit-log.ts";
import { certify } from "../core/data-rights/certificate.ts";
import { createConsents } from "../core/data-rights/consents.ts";
import { erasePerson } from "../core/data-rights/erase-person.ts";
import { eraseTenant } from "../core/data-rights/erase-tenant.ts";
import { exportPerson } from "../core/data-rights/export-person.ts";
import { createContentCipher } from "../core/keys/content-cipher.ts";
import { createKeyFile } from "../core/keys/key-file.ts";
import { createLegalHolds, type LegalHolds } from "../core/memory/legal-holds.ts";
import { createMemory, type Memory } from "../core/memory/memory.ts";
import type { Person } from "../core/memory/person.ts";
import { createMemorySearch } from "../core/operators/memory-search.ts";
import type { ContentCipher } from "../core/store/content-cipher.ts";
import { PLATFORM_SCOPE, type TenantScope, tenantScope } from "../core/store/scope.ts";
import type { Io } from "./io.ts";
import { exchangeView, personExportView } from "./memory-view.ts";
import { type Operations, withStore } from "./operations.ts";
import { personName } from "./person-name.ts";
import { MISUSE, sayNo } from "./say-no.ts";

export interface MemoryOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  readonly tenant: string;
  readonly user?: Person | undefined;
}

export interface PersonOptions extends MemoryOptions {
  readonly user: Person;
}

export interface EraseOptions extends MemoryOptions {
  readonly yes?: boolean | undefined;
}

export interface SearchOptions extends MemoryOptions {
  readonly limit: number;
}

/** Shows what fits the words, best first. 0 there is something, 1 nothing. */
export const search = (io: Io, words: string, options: SearchOptions): Promise<number> =>
  withMemory(io, options, async ({ memory, scope, auditLog, now }) => {
    const { user, limit, json } = options;
    if (words.trim() === "") return sayNo(io, options, MISUSE, "memory search: no words to find");
    const searchMemory = createMemorySearch({ memory, auditLog, now });
    const hits = await searchMemory("cli", scope, { text: words, person: user, limit });
    const results = hits.map(exchangeView);
    if (json) {
      io.stdout.write(`${JSON.stringify({ tenant: scope.tenantId, results })}\n`);
      return hits.length > 0 ? 0 : 1;
    }
    for (const { at, channel, workspace, user: of, text, answer } of results) {
      io.stdout.write(`${at} ${channel}:${workspace}:${of}\n${quoted(text)}${quoted(answer)}\n`);
    }
    if (hits.length === 0) io.stdout.write("nothing that was remembered has these words\n");
    return hits.length > 0 ? 0 : 1;
  });

/** Writes all that is stored about a person to stdout. 0 done. */
export const exportData = (io: Io, options: PersonOptions): Promise<number> =>
  withMemory(io, options, async (open) => {
    const { store, cipher, now, scope } = open;
    const consents = createConsents({ store, cipher, now });
    const data = await exportPerson({ ...open, consents }, "cli", scope, options.user);
    const view = personExportView(scope.tenantId, personName(options.user), data);
    io.stdout.write(`${JSON.stringify(view, null, 2)}\n`);
    return 0;
  });

/** Erases a person or a tenant and prints the certificate. 0 done, 1 a legal hold forbids it, 2 misuse. */
export const erase = (io: Io, options: EraseOptions): Promise<number> =>
  withMemory(io, options, async (open) => {
    const { scope, settings, keyFile } = open;
    const { user, tenant } = options;
    const whose = user ? `${personName(user)} in tenant ${tenant}` : `all of tenant ${tenant}`;
    const misuse = (problem: string): number =>
      sayNo(io, options, MISUSE, `memory erase: ${problem}`);
    if (!user && tenant === PLATFORM_SCOPE.tenantId) {
      return misuse(
        `${tenant} is no tenant: its keys are every operator's and every channel's; name a person, or a tenant`,
      );
    }
    if (!user && settings.multi_tenant.tenants.some(({ id }) => id === tenant)) {
      return misuse(
        `tenant ${tenant} is in the settings: take it out first, so that nothing new of it is stored`,
      );
    }
    if (!options.yes) return misuse(`this erases ${whose} for good: add --yes`);
    // Before anything is gone: without it there would be no certificate.
    const key = openSigningKey(auditFilesOf(settings, keyFile).keyFile);
    const erased = user
      ? await erasePerson(open, "cli", scope, user)
      : await eraseTenant(open, "cli", scope);
    if (erased.kind === "held") {
      const problem =
        `memory erase: a legal hold keeps ${whose}, so nothing was erased [LEGAL_HOLD]; ` +
        "`clawgate memory release` ends it";
      return sayNo(io, options, "LEGAL_HOLD", problem);
    }
    io.stdout.write(`${JSON.stringify(certify(erased.erasure, key), null, 2)}\n`);
    return 0;
  });

/** Puts a legal hold on, or takes it away. 0 done, 1 there was none to take away. */
export const hold = (io: Io, verb: "hold" | "release", options: MemoryOptions): Promise<number> =>
  withMemory(io, options, async ({ holds, scope }) => {
    const { user, json } = options;
    const whose = user ? personName(user) : `everybody of ${scope.tenantId}`;
    if (verb === "hold") await holds.hold("cli", scope, user);
    else if (!(await holds.release("cli", scope, user))) {
      return sayNo(io, options, "NOT_FOUND", `memory release: there was no hold on ${whose}`);
    }
    const text =
      verb === "hold"
        ? "nothing is erased until `memory release`"
        : "what retention and requests erase may go again";
    io.stdout.write(json ? `${JSON.stringify({ ok: true })}\n` : `${whose}: ${text}\n`);
    return 0;
  });

/** Indented, and without characters that a terminal would obey. */
const quoted = (text: string): string =>
  text
    .split(/\r\n|[\r\n\u2028\u2029]/u)
    .map((line) => `    ${line.replace(/\p{C}/gu, " ")}\n`)
    .join("");

export interface OpenMemory extends Operations {
  readonly memory: Memory;
  readonly holds: LegalHolds;
  readonly cipher: ContentCipher;
  readonly scope: TenantScope;
}

/** Opens a tenant's memory beside a running gateway. */
const withMemory = (
  io: Io,
  options: MemoryOptions,
  work: (open: OpenMemory) => Promise<number>,
): Promise<number> =>
  withStore(io, options, async (operations) => {
    const { store, keyFile, now } = operations;
    const scope = tenantScope(options.tenant);
    const note = (_fields: object, message: string) => void io.stderr.write(`note: ${message}\n`);
    const log = { error: note, warn: note };
    const cipher = await createContentCipher({
      store,
      now,
      log,
      keys: createKeyFile(keyFile, now),
    });
    const memory = createMemory({ store, cipher, log, now });
    const auditLog = createAuditLog(store, cipher);
    const holds = createLegalHolds({ store, cipher, auditLog, now });
    try {
      return await work({
        ...operations,
        auditLog,
        memory,
        holds,
        cipher,
        scope,
      });
    } finally {
      await memory.close();
    }
  });
