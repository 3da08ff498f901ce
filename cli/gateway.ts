import { setMaxListeners } from "node:events";
import { auditFilesOf } from "../config/key-file.ts";
import type { LoadedSettings } from "../config/load.ts";
import { openSigningKey } from "../core/audit/signing-key.ts";
import { createAuditLog } from "../core/audit-log.ts";
import { createBudget } from "../core/budget/budget.ts";
import type { Log } from "../core/contract/log.ts";
import { createConsents } from "../core/data-rights/consents.ts";
import { startRetention } from "../core/data-rights/retention.ts";
import { createCounters } from "../core/delivery/counters.ts";
import { createInbox } from "../core/delivery/inbox.ts";
import { takeProcessLease } from "../core/delivery/process-lease.ts";
import { createRunningTurns } from "../core/delivery/running-turns.ts";
import type { Lane } from "../core/delivery/schedule.ts";
import { createContentCipher } from "../core/keys/content-cipher.ts";
import { createKeyFile } from "../core/keys/key-file.ts";
import { createLegalHolds } from "../core/memory/legal-holds.ts";
import { createMemory } from "../core/memory/memory.ts";
import { startUpkeep } from "../core/memory/upkeep.ts";
import { createMetrics } from "../core/metrics/metrics.ts";
import { createNotices } from "../core/notices/notices.ts";
import { createLocalRateLimiter } from "../core/rate-limits/local.ts";
import { createSharedRateLimiter } from "../core/rate-limits/shared.ts";
import { createReviews } from "../core/reviews/reviews.ts";
import { prepareDlp } from "../core/safety/dlp/prepare.ts";
import { prepareFolding } from "../core/safety/fold.ts";
import { createLexiconLoader } from "../core/safety/moderation/load-lexicon.ts";
import { openStore } from "../core/store/open-store.ts";
import { takeReplicaLock } from "../core/store/replica-lock.ts";
import { startSharedClock } from "../core/store/shared-clock.ts";
import { createWelcomed } from "../core/welcomed.ts";
import type { Sandbox } from "../sandbox/driver.ts";
import { boundWorkspaces, createAdapters } from "./adapters.ts";
import { startAuditWitness } from "./audit-witness.ts";
import { createDelivery } from "./delivery.ts";
import { StartError } from "./errors.ts";
import { createHttpHandler } from "./http-handler.ts";
import { listen, listenerProblem } from "./listener.ts";
import { openSandbox } from "./open-sandbox.ts";
import type { Roles } from "./roles.ts";
import { buildRules } from "./rules.ts";
import { embeddedFolder, storeLocation } from "./storage.ts";

/** A gateway that listens. */
export interface Gateway {
  readonly url: string;
  readonly sandbox: Sandbox;
  /** Names of the channels that are on. */
  readonly channels: readonly string[];
  /** Names of the skills that could be loaded. */
  readonly skills: readonly string[];
  /** What an operator should know and can do something about. */
  readonly warnings: readonly string[];
  /** Takes over what the settings say of tenants, roles, models and skills; running turns keep theirs. */
  apply(loaded: LoadedSettings): Promise<void>;
  /** Takes nothing new, finishes what runs (for a while), closes everything. */
  close(): Promise<void>;
}

// Kubernetes kills 30 s after SIGTERM: what has not ended by then is done by the next process.
const DRAIN_MS = 20_000;
const LOOK_FOR_STOPS_MS = 500;

/** Builds the parts from the settings and starts them. Throws when one of them cannot start. */
export const startGateway = async (
  loaded: LoadedSettings,
  log: Log,
  roles: Roles = { isGateway: true, isWorker: true },
): Promise<Gateway> => {
  const { settings } = loaded;
  const problem = listenerProblem(settings.server);
  if (problem !== undefined) throw new StartError(problem);
  const machineNow = () => new Date();
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // every send that is under way listens; Node warns from 11 on
  const undo: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (cause) {
        // The database may be away, for example; what comes after it must be closed all the same.
        log.error({ err: cause }, "not closed in order");
      }
    }
  };
  try {
    const folder = embeddedFolder(settings);
    if (folder !== undefined) {
      const lock = takeReplicaLock(folder);
      undo.push(lock.release);
    }
    const store = await openStore(storeLocation(settings));
    undo.push(store.close);
    const clock = await startSharedClock({ store, now: machineNow, log });
    undo.push(clock.stop);
    const { now } = clock;
    const keys = createKeyFile(loaded.keyFile, now);
    const cipher = await createContentCipher({ store, keys, now, log });
    const { sandbox, close: closeSandbox } = await openSandbox(loaded, log);
    undo.push(closeSandbox);

    const auditLog = createAuditLog(store, cipher);
    let inForce = settings;
    const metrics = createMetrics();
    const adapters = await createAdapters(settings, {
      store,
      cipher,
      log,
      now,
      machineNow,
      metrics,
      boundWorkspaces: (channel) => boundWorkspaces(inForce, channel),
    });
    // An embedded store takes one gateway, which holds its lock.
    const isAlone = folder !== undefined;
    // Before all else, so that it is closed after all else, and swears to the last record.
    const witness = startAuditWitness(loaded, { store, cipher, auditLog, isAlone, log, now });
    undo.push(witness.stop);
    const lease = await takeProcessLease({ store, now, log, isAlone });
    undo.push(lease.release);
    const signal = stopping.signal;
    // With Redis, any worker may be given what comes in here.
    const redisUrl = settings.queue.redis_url;
    const takesAtOnce = roles.isWorker && redisUrl === undefined;
    const counters = createCounters();
    const inbox = createInbox({ store, cipher, owner: lease.id, takesAtOnce, now, log, counters });
    const lookEveryMs = isAlone ? 0 : LOOK_FOR_STOPS_MS;
    const turns = createRunningTurns({ inbox, log, signal, lookEveryMs });
    const welcomed = createWelcomed({ store, cipher, now });
    prepareFolding();
    prepareDlp();
    const memory = createMemory({ store, cipher, log, now });
    undo.push(memory.close);
    undo.push(startUpkeep(memory, () => inForce.multi_tenant.tenants));
    const consents = createConsents({ store, cipher, now });
    const holds = createLegalHolds({ store, cipher, auditLog, now });
    const wake = (lane: Lane) => delivery.wake(lane);
    const reviews = createReviews({ store, cipher, auditLog, wake, log, now });
    const stopRetention = startRetention({
      store,
      auditLog,
      now,
      log,
      daysOf: () => retentionOf(inForce),
    });
    undo.push(stopRetention);
    const notices = createNotices({ cipher, adapters, wake, now });
    const budget = createBudget({ store, auditLog, notices, log, now, counters });
    const limiter = isAlone ? createLocalRateLimiter(now) : createSharedRateLimiter(store, now);
    const loadLexicon = createLexiconLoader();
    const parts = {
      sandbox,
      auditLog,
      turns,
      welcomed,
      budget,
      limiter,
      counters,
      metrics,
      memory,
      holds,
      consents,
      reviews,
      loadLexicon,
      log,
      now,
    };
    let rules = await buildRules(loaded, parts);
    const built = { store, cipher, inbox, turns, adapters, auditLog, log, now, signal, counters };
    const delivery = createDelivery({
      ...built,
      metrics,
      roles,
      redisUrl,
      lease,
      isAlone,
      reviews,
      rules: () => rules,
    });

    let isDraining = false;
    const handle = createHttpHandler({
      server: settings.server,
      isGateway: roles.isGateway,
      store,
      cipher,
      inbox,
      adapters,
      sandbox,
      auditLog,
      memory,
      metrics,
      counters,
      log,
      now,
      redis: delivery.redisHealth,
      wake: delivery.wake,
      holdsLease: lease.isHeld,
      isDraining: () => isDraining,
      auditKey: () => openSigningKey(auditFilesOf(settings, loaded.keyFile).keyFile),
      settings: () => inForce,
      tenants: () => rules.tenants,
      skills: () => rules.skills,
    });

    for (const adapter of adapters.values()) {
      await adapter.start(delivery.receive);
      undo.push(() => adapter.stop());
    }
    const { in_transit } = settings.enterprise.encryption ?? {};
    const listener = await listen(handle, settings.server, in_transit);
    undo.push(delivery.drain);
    undo.push(() => listener.close(signal));
    if (roles.isGateway) {
      await lease.setListening(true);
      undo.push(() => lease.setListening(false));
    }
    delivery.start();
    return {
      url: listener.url,
      sandbox,
      channels: [...adapters.keys()],
      skills: [...rules.skills.keys()],
      warnings: rules.warnings,
      apply: async (next) => {
        rules = await buildRules(next, parts);
        inForce = next.settings;
        sandbox.update(next.settings.openshell);
      },
      close: async () => {
        isDraining = true;
        const deadline = setTimeout(() => stopping.abort(), DRAIN_MS);
        await close().finally(() => clearTimeout(deadline));
      },
    };
  } catch (cause) {
    // What was taken up again stays on disk for the next start.
    stopping.abort();
    await close();
    throw cause;
  }
};

const retentionOf = ({ multi_tenant }: LoadedSettings["settings"]): ReadonlyMap<string, number> =>
  new Map(
    multi_tenant.tenants.flatMap(({ id, data_retention_days: days }) =>
      days === undefined ? [] : [[id, days]],
    ),
  );
