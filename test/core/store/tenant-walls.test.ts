import { createHash, randomUUID } from "node:crypto";
import fc from "fast-check";
import { beforeEach, expect, it } from "vitest";
import { hasLog } from "../../../core/audit/has-log.ts";
import { createAuditReader } from "../../../core/audit/read-log.ts";
import { createAuditLog } from "../../../core/audit-log.ts";
import { createBudget } from "../../../core/budget/budget.ts";
import { erasePerson } from "../../../core/data-rights/erase-person.ts";
import { exportPerson } from "../../../core/data-rights/export-person.ts";
import { createCounters } from "../../../core/delivery/counters.ts";
import type { InboxEntry } from "../../../core/delivery/inbox.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import type { Lane } from "../../../core/delivery/schedule.ts";
import { createDataKeys } from "../../../core/keys/data-keys.ts";
import { createKeyFile } from "../../../core/keys/key-file.ts";
import { personOf } from "../../../core/memory/person.ts";
import { createApiKeys } from "../../../core/operators/api-keys.ts";
import { createQueue } from "../../../core/operators/queue.ts";
import { createSharedRateLimiter } from "../../../core/rate-limits/shared.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { type FakeChannel, fakeChannel } from "../../fakes/channel.ts";
import { type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { noNotices } from "../../fakes/notices.ts";
import { dataRightsOf, markedMessage, plantTenant, reviewsOf } from "../../fakes/planted-tenant.ts";
import { describeStores, type StoreWorld } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const VICTIM = "legal";
const ATTACKER = "sales";
const OTHER = "press";
const MARKER = "xyzzy-of-the-victim";
const scope = tenantScope(ATTACKER);
const operator = { who: "cli", tenantId: ATTACKER };
const now = () => new Date();
const folder = temporaryFolder();

/** Calls that no tenant makes: they belong to the process itself, and why nothing leaks through them. */
const PROCESS_OWN = {
  "inbox.find": "asks for one key, before the tenant is known; answers with ids only",
  "inbox.pendingLanes": "feeds the schedule; names lanes, no content",
  "inbox.stopRequests": "of this process's own turns; ids only",
  "inbox.prune": "by age alone",
  "memory.close": "ends this process's own indexing; takes and answers nothing",
  "outbox.flush": "writes down what this process was told arrived; takes and answers nothing",
  "outbox.lanes": "feeds the schedule; names lanes, no content",
  "reviews.tidy": "by age alone; what it brings back goes to its own tenant's sender",
  "apiKeys.verify": "nobody's before the key is known; whoever has a key's text is its owner",
};

const stringsIn = (value: unknown): string =>
  JSON.stringify(value, (_key, part) => {
    if (isBytes(part)) return Buffer.from(part.data).toString("latin1");
    return part instanceof Set ? [...part] : part;
  }) ?? "";

const isBytes = (value: unknown): value is { readonly data: readonly number[] } =>
  typeof value === "object" && value !== null && "type" in value && value.type === "Buffer";
const digest = ({ data }: { readonly data: readonly number[] }): string =>
  createHash("sha256").update(Buffer.from(data)).digest("hex");

/** Every row of a tenant in every table there is, as nobody's wall holds it. */
const dumpOf = async (world: StoreWorld, tenantId: string): Promise<readonly string[]> => {
  const columns = await world.sql(
    world.dialect === "sqlite"
      ? `SELECT m.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND c.name = 'tenant_id' ORDER BY 1`
      : `SELECT table_name AS name FROM information_schema.columns
         WHERE table_schema = 'public' AND column_name = 'tenant_id' ORDER BY 1`,
  );
  const rows: string[] = [];
  for (const { name } of columns) {
    for (const row of await world.sql(`SELECT * FROM ${name} WHERE tenant_id = '${tenantId}'`)) {
      rows.push(
        `${name} ${JSON.stringify(row, (_key, value) => (isBytes(value) ? digest(value) : value))}`,
      );
    }
  }
  return rows.sort();
};

describeStores("a tenant", (world) => {
  let process: DeliveryProcess;
  let channel: FakeChannel;
  let entries: readonly InboxEntry[];
  let sealed: readonly { readonly place: string; readonly bytes: Uint8Array }[];
  let victimsKeyIds: readonly string[];
  let repositories: Readonly<Record<string, object>>;
  let calls: Readonly<Record<string, (at: number) => Promise<unknown>>>;

  beforeEach(async () => {
    const { store } = world;
    channel = fakeChannel();
    // One process serves both tenants, so that what it holds is no wall between them.
    process = await deliveryProcess({
      ...{ store, folder: folder.path, now, adapters: new Map([["test", channel]]) },
    });
    await plantTenant(process, store, VICTIM, MARKER);
    await plantTenant(process, store, ATTACKER, "mine");
    const { inbox, outbox, cipher } = process;
    const auditLog = createAuditLog(store, cipher);
    const auditReader = createAuditReader({ store, cipher, auditLog, now });
    const queue = createQueue({ store, auditLog, now });
    const apiKeys = createApiKeys({ store, auditLog, now });
    const keys = createKeyFile(`${folder.path}/master.key`, now);
    const dataKeys = createDataKeys({ store, keys, now });
    const { log } = process;
    const counters = createCounters();
    const budget = createBudget({ store, auditLog, notices: noNotices, log, now, counters });
    const limiter = createSharedRateLimiter(store, now);
    const parties = { store, cipher, auditLog, now };
    const { memory, consents, holds } = dataRightsOf(process, store, markedMessage(VICTIM, "", ""));
    const { reviews, hold } = reviewsOf(process, store);
    const reviewIds = (await world.sql("SELECT id FROM reviews")).map(({ id }) => String(id));
    const reviewId = (at: number) => reviewIds[at % reviewIds.length] ?? "";
    const reviewer = { kind: "operator", who: "cli" } as const;
    repositories = {
      reviews,
      inbox,
      outbox,
      cipher,
      auditLog,
      auditReader: { hasLog, ...auditReader },
      queue,
      apiKeys,
      dataKeys,
      budget,
      limiter,
      memory,
      consents,
      holds,
      dataRights: { exportPerson, erasePerson },
    };

    const rows = await world.sql("SELECT id, tenant_id, key, lane, message FROM inbox ORDER BY id");
    // As if ids were mixed up: all messages, the victim's too, in the attacker's name.
    entries = rows.map((row) => {
      const key = String(row.key);
      const id = key.slice(key.indexOf("-") + 1);
      const message = { ...markedMessage(ATTACKER, id, "forged"), id: key };
      const at = { attempt: 1, receivedAt: now(), lane: String(row.lane) };
      return { id: Number(row.id), scope, message, ...at };
    });
    sealed = rows.map((row) => ({
      place: JSON.stringify(["inbox", "test", row.key, "message"]),
      bytes: row.message as Uint8Array,
    }));
    victimsKeyIds = (await world.sql(`SELECT id FROM api_keys WHERE tenant_id = '${VICTIM}'`)).map(
      ({ id }) => String(id),
    );

    const entry = (at: number) => entries[at % entries.length] as InboxEntry;
    const lane = (at: number): Lane => ({ id: entry(at).lane, tenantId: ATTACKER });
    const inline = (at: number) => ({ scope, inboxId: entry(at).id, lane: entry(at).lane });
    const parts = { parts: ["from the attacker"], mayInline: true };
    /** A message of the victim's people, in the attacker's scope. */
    const victims = (at: number) => markedMessage(VICTIM, entry(at).message.id.slice(6), MARKER);
    const isOdd = (at: number) => at % 2 === 1;
    const record = (at: number) => ({
      ...{ at: now(), traceId: randomUUID(), scope, message: entry(at).message, durationMs: 1 },
      ...({ action: "message", subject: "text", decision: "answered", code: "OK" } as const),
    });
    calls = {
      "inbox.accept": (at) =>
        inbox.accept(
          isOdd(at) ? entry(at).message : markedMessage(ATTACKER, randomUUID(), "x"),
          scope,
        ),
      "inbox.hasPending": (at) => inbox.hasPending(lane(at)),
      "inbox.claim": (at) => inbox.claim(lane(at)),
      "inbox.noteOther": async (at) => inbox.noteOther(lane(at)),
      "inbox.giveBack": (at) => inbox.giveBack(entry(at)),
      "inbox.move": (at) => inbox.move(entry(at), tenantScope(OTHER)),
      "inbox.bury": (at) => inbox.bury(entry(at), "buried by the attacker"),
      "inbox.requestStop": (at) => inbox.requestStop(lane(at)),
      "inbox.withdraw": (at) =>
        inbox.withdraw(lane(at), {
          channel: entry(at).message.channel,
          messageId: entry(at).message.id,
          senderId: entry(at).message.sender.id,
        }),
      "outbox.complete": (at) => outbox.complete(entry(at), parts),
      "outbox.inlineBody": (at) => outbox.inlineBody(scope, entry(at).id),
      "outbox.inlineSettled": (at) => outbox.inlineSettled(inline(at), isOdd(at)),
      "outbox.step": (at) => outbox.step(lane(at)),
      "cipher.of": async (at) => {
        const own = await cipher.of(scope);
        const { place } = sealed[at % sealed.length] ?? { place: "" };
        const text = `${MARKER} is answered`.slice(at % 2);
        return [own.seal(place, "mine"), own.fingerprint(text), own.tag(text)];
      },
      "cipher.open": (at) => {
        const { place, bytes } = sealed[at % sealed.length] ?? { place: "", bytes: Buffer.of() };
        return cipher.open(scope, place, bytes).catch((cause: unknown) => String(cause));
      },
      "auditLog.record": (at) => auditLog.record(record(at)),
      "auditLog.prepare": async (at) => auditLog.prepare(record(at)),
      "auditLog.recordIn": async (at) => {
        const prepared = await auditLog.prepare(record(at));
        return store.write(scope, (transaction) => auditLog.recordIn(transaction, prepared));
      },
      "auditReader.hasLog": () => hasLog(store, scope),
      "auditReader.page": (at) =>
        auditReader.page("cli", scope, {
          ...{ cursor: at, limit: 50 },
          ...(isOdd(at) && { actor: entry(at).message.sender.id }),
        }),
      "auditReader.all": async () => {
        const read: unknown[] = [];
        for await (const record of auditReader.all("cli", scope, {})) read.push(record);
        return read;
      },
      "queue.list": (at) => queue.list(operator, { limit: 1 + (at % 50) }),
      "queue.show": (at) => queue.show(operator, entry(at).id),
      "queue.replay": (at) => queue.replay(operator, entry(at).id),
      "queue.drop": (at) => queue.drop(operator, entry(at).id),
      "apiKeys.create": (at) =>
        apiKeys.create(operator, {
          tenantId: isOdd(at) ? VICTIM : ATTACKER,
          ...{ label: "attack", permissions: ["queue:manage"] },
        }),
      "apiKeys.list": () => apiKeys.list(operator),
      "apiKeys.revoke": (at) =>
        apiKeys.revoke(operator, victimsKeyIds[at % victimsKeyIds.length] ?? ""),
      "budget.reserve": async (at) => {
        const most = isOdd(at) ? 1 : 2e9;
        const payer = { id: ATTACKER, monthlyBudgetUsd: 1, timeZone: "UTC" };
        await (await budget.reserve(payer, most))?.settle(at);
      },
      "budget.usage": () => budget.usage(scope, {}),
      "limiter.take": async (at) =>
        limiter.take({
          ...{ tenantId: ATTACKER, sender: entry(at).message.sender.id },
          limits: { userPerMinute: 1, tenantPerMinute: 1 + (at % 9) },
        }),
      "memory.prepare": async (at) => {
        const exchange = { question: "mine", answer: "mine", isSensitive: false };
        await store.write(scope, await memory.prepare(scope, entry(at).message, exchange));
      },
      "memory.recent": (at) => memory.recent(scope, victims(at), true),
      "memory.search": (at) =>
        memory.search(scope, {
          ...{ text: `${MARKER} asks`, limit: 50 },
          person: isOdd(at) ? personOf(victims(at)) : undefined,
        }),
      "memory.allOf": async (at) => {
        const read: unknown[] = [];
        for await (const hit of memory.allOf(scope, personOf(victims(at)))) read.push(hit);
        return read;
      },
      "memory.eraseMost": (at) => memory.eraseMost(scope, personOf(victims(at))),
      "memory.eraserOf": async (at) =>
        store.write(scope, await memory.eraserOf(scope, personOf(victims(at)))),
      "memory.index": () => memory.index(scope),
      "memory.indexSoon": async () => memory.indexSoon(scope),
      "consents.isGiven": (at) => consents.isGiven(scope, personOf(victims(at)), "1"),
      "consents.whileGiven": async (at) =>
        store.write(scope, await consents.whileGiven(scope, personOf(victims(at)), "1", [])),
      "consents.prepare": async (at) => {
        const decided = { decision: isOdd(at) ? "yes" : "no", wording: "1" } as const;
        await store.write(scope, await consents.prepare(scope, personOf(victims(at)), decided));
      },
      "consents.allOf": (at) => consents.allOf(scope, personOf(victims(at))),
      "holds.hold": (at) => holds.hold("cli", scope, isOdd(at) ? personOf(victims(at)) : undefined),
      "holds.release": (at) =>
        holds.release("cli", scope, isOdd(at) ? personOf(victims(at)) : undefined),
      "holds.isHeld": (at) => holds.isHeld(scope, personOf(victims(at))),
      "holds.allOn": (at) => holds.allOn(scope, personOf(victims(at))),
      "holds.isAnyHeld": () => holds.isAnyHeld(scope),
      "reviews.hold": (at) => hold(entry(at).message, ATTACKER, "mine"),
      "reviews.list": (at) => reviews.list(reviewer, scope, 1 + (at % 50)),
      "reviews.show": (at) => reviews.show(reviewer, scope, reviewId(at)),
      "reviews.decide": (at) =>
        reviews.decide(reviewer, scope, reviewId(at), isOdd(at) ? "release" : "reject"),
      "reviews.withdraw": (at) =>
        reviews.withdraw(
          entry(at).message,
          "trace",
          scope,
          isOdd(at) ? entry(at).message.id : undefined,
        ),
      "dataRights.exportPerson": (at) =>
        exportPerson({ ...parties, memory, consents, holds }, "cli", scope, personOf(victims(at))),
      "dataRights.erasePerson": async (at) => {
        const eraser = { ...parties, memory, holds };
        return erasePerson(eraser, "cli", scope, personOf(victims(at)));
      },
      "dataKeys.newest": () => dataKeys.newest(scope),
      "dataKeys.find": (at) => dataKeys.find(scope, at % 4),
      "dataKeys.make": (at) => dataKeys.make(scope, 1 + (at % 4)),
    };
  });

  it("can be tried to break out of by every method of every repository", () => {
    const methods = Object.entries(repositories).flatMap(([repository, methods]) =>
      Object.keys(methods).map((method) => `${repository}.${method}`),
    );
    expect(methods.toSorted()).toEqual(
      [...Object.keys(calls), ...Object.keys(PROCESS_OWN)].toSorted(),
    );
  });

  it("reads and changes nothing of another tenant by any sequence of calls", async () => {
    const before = await dumpOf(world, VICTIM);
    const check = async (sequence: readonly { readonly method: string; readonly at: number }[]) => {
      for (const { method, at } of sequence) {
        const answer = await calls[method]?.(at);
        expect(stringsIn(answer), method).not.toContain(MARKER);
      }
      expect(stringsIn([channel.sent, process.log.lines])).not.toContain(MARKER);
      expect(await dumpOf(world, VICTIM)).toEqual(before);
    };
    expect(new Set(before.map((row) => row.split(" ")[0]))).toEqual(
      new Set([
        "api_keys",
        "audit",
        "audit_heads",
        "channel_state",
        "consents",
        "data_keys",
        "inbox",
        "legal_holds",
        "memory",
        "memory_foldings",
        "memory_tokens",
        "model_costs",
        "outbox",
        "rate_limits",
        "reviews",
      ]),
    );
    // Each by itself on everything that is the victim's, then any sequence on everything.
    const victims = entries.flatMap(({ message }, at) =>
      message.id.startsWith(VICTIM) ? [at] : [],
    );
    expect(victims).toHaveLength(5);
    for (const method of Object.keys(calls)) await check(victims.map((at) => ({ method, at })));
    const call = fc.record({
      method: fc.constantFrom(...Object.keys(calls)),
      at: fc.nat({ max: 99 }),
    });
    await fc.assert(fc.asyncProperty(fc.array(call, { minLength: 5, maxLength: 40 }), check), {
      numRuns: world.dialect === "sqlite" ? 40 : 8,
      endOnFailure: true,
    });
  });

  it("would be seen by this test: the same calls in the victim's own name show and change it", async () => {
    const before = await dumpOf(world, VICTIM);
    const own = { who: "cli", tenantId: VICTIM };
    const { queue } = repositories as { readonly queue: ReturnType<typeof createQueue> };
    const { entries: listed } = await queue.list(own, { limit: 50 });
    expect(listed.map(({ state }) => state)).toEqual(["sending", "dead", "waiting", "waiting"]);
    const lane = laneOf(markedMessage(VICTIM, "pending", MARKER));
    const claim = await process.inbox.claim({ id: lane, tenantId: VICTIM });
    expect(stringsIn(claim)).toContain(MARKER);
    expect(await dumpOf(world, VICTIM)).not.toEqual(before);
  });

  it("has a key of its own: the same text leaves another fingerprint with every tenant", async () => {
    const text = `${MARKER} is answered`;
    const [mine, theirs] = await Promise.all(
      [ATTACKER, VICTIM].map(async (id) =>
        (await process.cipher.of(tenantScope(id))).fingerprint(text),
      ),
    );
    expect(mine).not.toEqual(theirs);
  });
});
