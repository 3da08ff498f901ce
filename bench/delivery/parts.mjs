// What the sections of bench/delivery.mjs are made of: the built core, on a store of its own.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const built = (path) => import(`../../dist/${path}`);
const { createDelivery } = await built("cli/delivery.js");
const { createAuditLog } = await built("core/audit-log.js");
const { createCounters } = await built("core/delivery/counters.js");
const { createInbox } = await built("core/delivery/inbox.js");
const { createOutbox } = await built("core/delivery/outbox.js");
const { takeProcessLease } = await built("core/delivery/process-lease.js");
const { createRunningTurns } = await built("core/delivery/running-turns.js");
const { createContentCipher } = await built("core/keys/content-cipher.js");
const { createKeyFile } = await built("core/keys/key-file.js");
const { openStore } = await built("core/store/open-store.js");
const { tenantScope } = await built("core/store/scope.js");

export const now = () => new Date();
export const SALES = tenantScope("sales");

export const quiet = { info: () => {}, warn: () => {}, error: console.error };

/** A folder that is gone when this process ends. Where it lies decides what a commit costs. */
export const temporaryFolder = () => {
  const parent = process.env.TMPDIR ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "clawgate-bench-"));
  folders.push(folder);
  return folder;
};

const folders = [];
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Delivers at once whatever it is given. */
export const channel = {
  name: "bench",
  webhooks: new Map(),
  start: async () => {},
  stop: async () => {},
  render: ({ markdown }) => [markdown],
  send: async () => ({ kind: "delivered" }),
  reconcile: async () => ({ kind: "send" }),
};

/**
 * A store: SQLite in a folder of its own, or the PostgreSQL database that `createDatabase` makes.
 * What is opened on it is what `clawgate start` opens.
 */
export const createPlace = async (createDatabase) => {
  const folder = temporaryFolder();
  return { folder, url: createDatabase ? await createDatabase() : `file:${folder}` };
};

/** One process on a place, up to its inbox and outbox; nothing moves but what is called. */
export const openDelivery = async ({ folder, url }, { takesAtOnce = true } = {}) => {
  const store = await openStore({ url });
  const keys = createKeyFile(join(folder, "master.key"), now);
  const cipher = await createContentCipher({ store, keys, now, log: quiet });
  const isAlone = store.dialect === "sqlite";
  const lease = await takeProcessLease({ store, now, log: quiet, isAlone });
  const counters = createCounters();
  const adapters = new Map([[channel.name, channel]]);
  const stopping = new AbortController();
  const shared = { store, cipher, adapters, now, log: quiet, counters, signal: stopping.signal };
  const owned = { ...shared, owner: lease.id };
  const inbox = createInbox({ ...owned, takesAtOnce });
  return {
    store,
    cipher,
    inbox,
    counters,
    outbox: createOutbox({
      ...owned,
      isAlone,
      random: Math.random,
      schedule: () => ({ wake: () => {} }),
    }),
    /** Starts to work on what is stored, and on what `receive` is given. */
    work: (redisUrl) => {
      const lookEveryMs = isAlone ? 0 : 500;
      const delivery = createDelivery({
        ...shared,
        redisUrl,
        lease,
        isAlone,
        inbox,
        roles: { isGateway: true, isWorker: true },
        turns: createRunningTurns({ ...shared, inbox, lookEveryMs }),
        auditLog: createAuditLog(store),
        rules: () => RULES,
      });
      delivery.start();
      return delivery;
    },
    close: async () => {
      stopping.abort();
      await lease.release();
      await store.close();
    },
  };
};

// Everybody is in one tenant, and answered at once: what is measured is the way, not the answer.
const SALES_TENANT = { id: SALES.tenantId };
const RULES = {
  tenants: {
    get: () => SALES_TENANT,
    resolve: () => ({ kind: "tenant", tenant: SALES_TENANT }),
  },
  pipeline: async () => ({ kind: "text", markdown: "So it is." }),
};

const TEXT = "all work and no play makes a dull bench ".repeat(26).slice(0, 1024);
let lastId = 0;

/** A new message of 1 KiB, in a conversation of its own unless one is named. */
export const newMessage = (conversation, text = TEXT) => {
  const id = `m${++lastId}.${Math.random().toString(36).slice(2)}`;
  const person = conversation ?? `p${lastId}`;
  return {
    id,
    channel: channel.name,
    workspaceId: "corp",
    conversation: { id: person, kind: "direct" },
    sender: { id: person, displayName: person, isBot: false, departments: [], roles: [] },
    content: { kind: "text", text },
    target: {
      channel: channel.name,
      workspaceId: "corp",
      appId: "1",
      address: person,
      replyTo: id,
    },
    sentAt: now(),
  };
};

export const newMessages = (count) => Array.from({ length: count }, () => newMessage());

export const laneOf = ({ channel: name, workspaceId, conversation }) =>
  JSON.stringify([name, workspaceId, conversation.id]);

/** Calls `work` with every item, so many at a time; answers with how long each took, in milliseconds. */
export const inParallel = async (items, parallel, work) => {
  const times = [];
  let next = 0;
  const caller = async () => {
    while (next < items.length) {
      const item = items[next++];
      const startedAt = performance.now();
      await work(item);
      times.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: parallel }, caller));
  return times;
};
