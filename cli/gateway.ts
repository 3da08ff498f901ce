import { join } from "node:path";
import Router from "@koa/router";
import Koa from "koa";
import { createWebhookMiddleware } from "../channels/http.ts";
import type { LoadedSettings } from "../config/load.ts";
import { createAuditLog } from "../core/audit-log.ts";
import type { Log } from "../core/contract/log.ts";
import { createInbox } from "../core/delivery/inbox.ts";
import { createOutbox } from "../core/delivery/outbox.ts";
import { createDispatcher } from "../core/dispatcher.ts";
import { createRejectionRecorder } from "../core/rejections.ts";
import { takeReplicaLock } from "../core/store/replica-lock.ts";
import { openStore } from "../core/store/store.ts";
import type { Sandbox } from "../sandbox/driver.ts";
import { createSandbox } from "../sandbox/openshell.ts";
import { createAdapters } from "./adapters.ts";
import { StartError } from "./errors.ts";
import { addHealthRoutes } from "./health.ts";
import { listen, listenerProblem } from "./listener.ts";
import { packageRoot } from "./package-root.ts";
import { buildRules } from "./rules.ts";
import { storageFolder } from "./storage-folder.ts";

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

/** Builds the parts from the settings and starts them. Throws when one of them cannot start. */
export const startGateway = async (loaded: LoadedSettings, log: Log): Promise<Gateway> => {
  const { settings } = loaded;
  const problem = listenerProblem(settings.server);
  if (problem !== undefined) throw new StartError(problem);
  const dataFolder = storageFolder(settings);
  const now = () => new Date();
  const stopping = new AbortController();
  const undo: (() => void | Promise<void>)[] = [];
  const close = async () => {
    for (const step of undo.reverse()) await step();
    undo.length = 0;
  };
  try {
    const lock = takeReplicaLock(dataFolder);
    undo.push(lock.release);
    const store = await openStore(dataFolder);
    undo.push(store.close);
    const sandbox = createSandbox({
      ...settings.openshell,
      enginesFolder: join(packageRoot, ".engines"),
      log,
    });
    undo.push(sandbox.close);

    const auditLog = createAuditLog(store);
    const parts = { sandbox, auditLog, log, now };
    let rules = await buildRules(loaded, parts);
    const adapters = await createAdapters(settings, { log, now });
    const signal = stopping.signal;
    const outbox = createOutbox({ store, adapters, now, random: Math.random, log, signal });
    const inbox = createInbox(store, now);
    const dispatcher = createDispatcher({
      inbox,
      outbox,
      adapters,
      rules: () => rules,
      auditLog,
      log,
      now,
      signal,
    });

    let isDraining = false;
    const router = new Router();
    addHealthRoutes(router, { store, adapters, sandbox, isDraining: () => isDraining });
    const app = new Koa();
    app.on("error", (cause) => log.error({ err: cause }, "request failed"));
    const onRejected = createRejectionRecorder(auditLog, log, now);
    app.use(createWebhookMiddleware([...adapters.values()], { log, now, onRejected }));
    app.use(router.routes());

    for (const adapter of adapters.values()) {
      await adapter.start(dispatcher.receive);
      undo.push(() => adapter.stop());
    }
    undo.push(async () => {
      await dispatcher.drain();
      await outbox.drain();
    });
    await dispatcher.resume();
    const { in_transit } = settings.enterprise.encryption ?? {};
    const listener = await listen(app.callback(), settings.server, in_transit);
    undo.push(() => listener.close(signal));
    return {
      url: listener.url,
      sandbox,
      channels: [...adapters.keys()],
      skills: rules.skillNames,
      warnings: rules.warnings,
      apply: async (next) => {
        rules = await buildRules(next, parts);
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
