import { readFileSync } from "node:fs";
import { beforeEach, expect, it } from "vitest";
import { createAuditReader } from "../../../core/audit/read-log.ts";
import { verifyChain } from "../../../core/audit/verify.ts";
import { type AuditLog, createAuditLog } from "../../../core/audit-log.ts";
import { createBudget } from "../../../core/budget/budget.ts";
import { limitOf } from "../../../core/budget/money.ts";
import { createChannelState } from "../../../core/channel-state/channel-state.ts";
import { personKey, stateName } from "../../../core/contract/state-key.ts";
import { type EraseParts, erasePerson } from "../../../core/data-rights/erase-person.ts";
import { eraseTenant } from "../../../core/data-rights/erase-tenant.ts";
import { exportPerson } from "../../../core/data-rights/export-person.ts";
import { createCounters } from "../../../core/delivery/counters.ts";
import { laneOf } from "../../../core/delivery/lane.ts";
import { type Person, personOf } from "../../../core/memory/person.ts";
import { createSharedRateLimiter } from "../../../core/rate-limits/shared.ts";
import { sealHeld } from "../../../core/reviews/held.ts";
import { insertReview } from "../../../core/reviews/rows.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { begin, type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import { noNotices } from "../../fakes/notices.ts";
import { dataRightsOf, markedMessage, plantTenant, reviewsOf } from "../../fakes/planted-tenant.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const now = () => new Date();
const sales = tenantScope("sales");
const MARKER = "PLANTED-IN-SALES";
/** Whoever wrote the message that the planted tenant has in this state. */
const whoWrote = (state: string): Person => personOf(markedMessage("sales", state, MARKER));

const TABLES = [
  ...["inbox", "outbox", "memory", "memory_tokens", "memory_foldings"],
  ...["consents", "reviews", "api_keys"],
  ...["channel_state", "model_costs", "rate_limits", "data_keys", "legal_holds"],
];

describeStores("data rights", (world) => {
  let process: DeliveryProcess;
  let parts: EraseParts;
  let rights: ReturnType<typeof dataRightsOf>;
  let auditLog: AuditLog;
  beforeEach(async () => {
    const { store } = world;
    process = await deliveryProcess({ store, folder: folder.path, now });
    const { cipher } = process;
    await plantTenant(process, store, "legal", "PLANTED-IN-LEGAL");
    await plantTenant(process, store, "sales", MARKER);
    rights = dataRightsOf(process, store, markedMessage("sales", "answered", MARKER));
    await rights.holds.release("cli", sales, rights.person);
    auditLog = createAuditLog(store, cipher);
    parts = { store, cipher, auditLog, memory: rights.memory, holds: rights.holds, now };
  });

  const dataOf = (person: Person) =>
    exportPerson({ ...parts, ...rights, auditLog }, "cli", sales, person);
  const rowsOf = async (tenantId: string) => {
    const rows: unknown[] = [];
    for (const table of TABLES) {
      rows.push(await world.sql(`SELECT * FROM ${table} WHERE tenant_id = '${tenantId}'`));
    }
    return JSON.stringify(rows);
  };
  const countsOf = async (tenantId: string) => {
    const counts: Record<string, number> = {};
    for (const table of TABLES) {
      const rows = await world.sql(
        `SELECT count(*) AS n FROM ${table} WHERE tenant_id = '${tenantId}'`,
      );
      counts[table] = Number(rows[0]?.n);
    }
    return counts;
  };
  const erasures = async () =>
    (
      await world.sql(
        "SELECT tenant_id, sender_id, subject, decision, code FROM audit WHERE action = 'memory.erase'",
      )
    ).map((row) => Object.values(row));

  it("exports all that is stored about a person, on record, and nothing of anybody else", async () => {
    const data = await dataOf({ ...rights.person, senderId: "SALES-answered" });
    expect(data.memory).toMatchObject([{ question: `${MARKER} asks`, senderId: "sales-answered" }]);
    expect(data.messages).toMatchObject([
      {
        state: "answered",
        message: { content: { text: `${MARKER} asks answered` } },
        replies: [`${MARKER} is answered`, `${MARKER} is answered twice`],
      },
    ]);
    expect(data.consents).toMatchObject([{ decision: "yes", wording: "1" }]);
    expect(data.audit).toMatchObject([{ action: "message", actor: "sales-answered" }]);
    const text = JSON.stringify(data);
    for (const other of ["LEGAL", "pending", "done", "dead"]) expect(text).not.toContain(other);
    const exports = await world.sql(
      "SELECT tenant_id, detail FROM audit WHERE action = 'memory.export'",
    );
    expect(exports).toEqual([
      { tenant_id: "sales", detail: expect.stringContaining("person_tag") },
    ]);
  });

  it("attack: the same user id of another workspace or channel is somebody else", async () => {
    for (const elsewhere of [{ workspaceId: "other" }, { channel: "slack" }]) {
      const data = await dataOf({ ...rights.person, ...elsewhere });
      const { memory, messages, consents, audit } = data;
      expect([memory, messages, consents, audit]).toEqual([[], [], [], []]);
      const result = await erasePerson(parts, "cli", sales, { ...rights.person, ...elsewhere });
      expect(result).toMatchObject({ erasure: { erased: { messages: 0, exchanges: 0 } } });
    }
    expect((await dataOf(rights.person)).messages).toHaveLength(1);
  });

  it("erases a person everywhere, with counts and the place in the log, and nobody else", async () => {
    const { store, cipher } = parts;
    const limits = { userPerMinute: 1, tenantPerMinute: 100 };
    // However the platform spells it, and also where no message of theirs is left that says so.
    const sender = JSON.stringify(["test", "corp", "Sales-Answered"]);
    await createSharedRateLimiter(store, now).take({ tenantId: "sales", sender, limits });
    const state = createChannelState("test", { store, cipher, now });
    await state.put(personKey("corp", "Sales-Answered", "contact"), "cached", 60_000);
    await state.put(personKey("corp", "sales-answered2", "contact"), "another's", 60_000);
    const before = await countsOf("sales");
    const others = await rowsOf("legal");

    const result = await erasePerson(parts, "cli", sales, rights.person);
    const erased = { messages: 1, replies: 2, exchanges: 1, consents: 1, held: 1, caches: 1 };
    expect(result).toMatchObject({
      kind: "erased",
      erasure: { tenant: "sales", person: "test:corp:sales-answered", erased },
    });
    const { memory, messages, consents, held } = await dataOf(rights.person);
    expect([memory, messages, consents, held]).toEqual([[], [], [], []]);
    expect(await countsOf("sales")).toEqual({
      ...before,
      ...{ outbox: (before.outbox ?? 0) - 2, memory: 0, memory_tokens: 0, consents: 0, reviews: 0 },
      rate_limits: (before.rate_limits ?? 0) - 1,
    });
    expect(await rowsOf("legal")).toBe(others);
    // As part of a lane or a bucket; the fake platform's message ids look alike.
    expect(/sales-answered\\+"/i.test(await rowsOf("sales"))).toBe(false);
    expect(await state.get(personKey("corp", "sales-answered2", "contact"))).toBeDefined();
    expect((await dataOf(whoWrote("done"))).messages).toHaveLength(1);
    const end = await world.sql("SELECT count(*) AS n FROM audit WHERE tenant_id = 'sales'");
    if (result.kind !== "erased") throw new Error("held");
    expect(result.erasure.audit.seq).toBeLessThanOrEqual(Number(end[0]?.n));
    // Who reads the certificate must not believe that more is gone than is.
    expect(result.erasure.kept.join()).toMatch(/audit records.*ids of messages.*sandbox-audit/);
    expect(await erasures()).toContainEqual(["sales", "cli", "person", "allowed", "OK"]);
  });

  /** What a channel keeps of the answer to a message. */
  const wordsOf = async (state: string) => {
    const { target } = markedMessage("sales", state, MARKER);
    const [row] = await world.sql(`SELECT id FROM inbox WHERE key LIKE '%sales-${state}'`);
    const { workspaceId, appId, address, replyTo } = target;
    const conversation = stateName(workspaceId, appId, address);
    return [
      `stream/bot/${conversation}.${stateName(replyTo)}`,
      `left/${conversation}.`,
      `errand/part/${row?.id}.0/1`,
    ];
  };
  const rememberedKeys = async () =>
    (await world.sql("SELECT key FROM channel_state WHERE tenant_id = '_platform'")).map(
      ({ key }) => key,
    );
  /** Answers of two people, a token whose key looks like a person's, and somebody's of another tenant. */
  const plantState = async () => {
    const { store, cipher } = parts;
    const state = createChannelState("test", { store, cipher, now });
    const [theirs, others] = [await wordsOf("answered"), await wordsOf("done")];
    const rest = ["token/host/corp/sales-answered", personKey("corp", "legal-done", "contact")];
    for (const key of [...theirs, ...others, ...rest]) await state.put(key, "words", 60_000);
    // In one conversation: its words of no certain message go with either.
    return { others: others.filter((key) => !theirs.includes(key)), rest };
  };

  it("attack: reading an erased person's answer in what channels keep of streams and errands", async () => {
    const { others, rest } = await plantState();
    await erasePerson(parts, "cli", sales, rights.person);
    expect((await rememberedKeys()).sort()).toEqual([...others, ...rest].sort());
  });

  it("attack: reading an erased tenant's answers in what channels keep of streams and errands", async () => {
    const { rest } = await plantState();
    const { store, cipher } = parts;
    const state = createChannelState("test", { store, cipher, now });
    await state.put(personKey("corp", "sales-done", "contact"), "a name", 60_000);
    await eraseTenant(parts, "cli", sales);
    expect((await rememberedKeys()).sort()).toEqual([...rest].sort());
  });

  it("attack: reading an erased person's words in what reviewers were shown", async () => {
    const { inbox, outbox } = process;
    const ask = async (id: string, text: string) => {
      const message = textMessage(id, text, "rita");
      await inbox.accept(message, sales);
      const entry = await begin(process, { id: laneOf(message), tenantId: "sales" });
      await outbox.complete(entry, { parts: [`${id} is answered`], mayInline: true });
      return entry;
    };
    for (const [id, text] of [
      ["shown", " /Review show R1"],
      ["own", "/reviewers?"],
    ] as const) {
      const { id: inboxId, lane } = await ask(id, text);
      await outbox.inlineSettled({ scope: sales, inboxId, lane }, true);
    }
    await ask("waits", "/review");
    const result = await erasePerson(parts, "cli", sales, rights.person);
    expect(result).toMatchObject({ erasure: { erased: { reviewers: 1 } } });
    const { messages } = await dataOf(personOf(textMessage("", "", "rita")));
    expect(messages.map(({ message, replies }) => [message.id, replies])).toEqual([
      ["shown", []],
      ["own", ["own is answered"]],
      ["waits", ["waits is answered"]],
    ]);
  });

  it("attack: keeping from a person's export what the tables hold of them", async () => {
    const { store, cipher } = parts;
    await rights.holds.hold("cli", sales, rights.person);
    await rights.holds.hold("cli", sales);
    const limits = { userPerMinute: 1, tenantPerMinute: 100 };
    const sender = JSON.stringify(["test", "corp", "Sales-Answered"]);
    await createSharedRateLimiter(store, now).take({ tenantId: "sales", sender, limits });
    const state = createChannelState("test", { store, cipher, now });
    await state.put(personKey("corp", "sales-answered", "contact"), "Finance", 60_000);
    await state.put(personKey("corp", "sales-done", "contact"), "another's", 60_000);
    // The application bears the same id as they do.
    await state.put("token/host/corp/sales-answered", "secret", 60_000);
    const { holds, remembered, rates } = await dataOf(rights.person);
    expect(holds.map(({ on }) => on).sort()).toEqual(["person", "tenant"]);
    expect(remembered.map(({ value }) => value)).toEqual(["Finance"]);
    expect(rates).toMatchObject([{ key: expect.stringContaining("Sales-Answered") }]);
  });

  it("erases what waits: it is not answered, and its redelivery is no new message", async () => {
    const message = markedMessage("sales", "pending", MARKER);
    await erasePerson(parts, "cli", sales, personOf(message));
    const lane = { id: laneOf(message), tenantId: "sales" };
    expect(await process.inbox.claim(lane)).toEqual({ kind: "idle" });
    expect(await process.inbox.accept(message, sales)).toMatchObject({ isNew: false });
  });

  it("lets a turn that is at an erased message store nothing, no memory either", async () => {
    const { outbox } = process;
    const message = markedMessage("sales", "running", MARKER);
    const row = await world.sql(
      "SELECT id, lane FROM inbox WHERE tenant_id = 'sales' AND state = 'pending' AND owner <> ''",
    );
    const entry = {
      ...{ id: Number(row[0]?.id), lane: String(row[0]?.lane), scope: sales, message },
      ...{ attempt: 1, receivedAt: now() },
    };
    await erasePerson(parts, "cli", sales, personOf(message));
    const exchange = { question: "q", answer: "a", isSensitive: false };
    const also = await rights.memory.prepare(sales, message, exchange);
    const done = await outbox.complete(entry, { parts: ["late"], mayInline: false, also });
    expect(done).toMatchObject({ isOurs: false });
    const { memory, messages } = await dataOf(personOf(message));
    expect([memory, messages]).toEqual([[], []]);
  });

  it("exports and erases what waits for a reviewer", async () => {
    const { store, cipher } = parts;
    const message = markedMessage("sales", "done", MARKER);
    const held = { message, text: "of somebody else", terms: [], isSensitive: false };
    const content = sealHeld(await cipher.of(sales), "R2", held);
    const row = {
      ...({ tenantId: "sales", id: "R2", direction: "in", state: "pending" } as const),
      ...{ traceId: "t", heldAt: 1, decidedAt: 0, content },
      ...{ person: Buffer.of(1), said: Buffer.of(2) },
    };
    await store.write(sales, (transaction) => transaction.run(insertReview, row));
    // What the planted tenant has held.
    expect((await dataOf(rights.person)).held).toMatchObject([
      { direction: "in", text: `${MARKER} is answered`, message: { id: "sales-answered" } },
    ]);
    const result = await erasePerson(parts, "cli", sales, rights.person);
    expect(result).toMatchObject({ erasure: { erased: { held: 1 } } });
    expect(await world.sql("SELECT id FROM reviews WHERE tenant_id = 'sales'")).toEqual([
      { id: "R2" },
    ]);
  });

  it("attack: releasing what is held at the moment at which its sender is erased", async () => {
    const { store, cipher } = parts;
    const { reviews } = reviewsOf(process, store);
    const decisions: unknown[] = [];
    const open: typeof cipher.open = async (scope, place, sealed) => {
      const [table, id = ""] = place.split("/");
      if (table === "reviews" && decisions.length === 0) {
        const reviewer = { kind: "operator", who: "cli" } as const;
        decisions.push(await reviews.decide(reviewer, sales, id, "release"));
      }
      return cipher.open(scope, place, sealed);
    };
    await erasePerson({ ...parts, cipher: { ...cipher, open } }, "cli", sales, rights.person);
    expect(decisions).toMatchObject([{ kind: "decided" }]);
    const { messages, held } = await dataOf(rights.person);
    expect([messages, held]).toEqual([[], []]);
  });

  it.each([
    ["the person", true],
    ["everybody", false],
  ])(
    "erases nothing while a hold on %s keeps it, and puts the try on record",
    async (_whose, isPerson) => {
      await rights.holds.hold("cli", sales, ...(isPerson ? [rights.person] : []));
      const before = await rowsOf("sales");
      expect(await erasePerson(parts, "cli", sales, rights.person)).toEqual({ kind: "held" });
      expect(await eraseTenant(parts, "cli", sales)).toEqual({ kind: "held" });
      expect(await rowsOf("sales")).toBe(before);
      expect(await erasures()).toEqual([
        ["sales", "cli", "person", "refused", "LEGAL_HOLD"],
        ["sales", "cli", "tenant", "refused", "LEGAL_HOLD"],
      ]);
    },
  );

  it("erases a tenant: every row but its log, in which nobody can be read, and no other tenant", async () => {
    const others = await rowsOf("legal");
    const result = await eraseTenant(parts, "cli", sales);
    expect(result).toMatchObject({
      erasure: {
        ...{ tenant: "sales", person: null },
        erased: { data_keys: 1, api_keys: 1, messages: 5, exchanges: 1, consents: 1 },
      },
    });
    expect(Object.values(await countsOf("sales")).every((count) => count === 0)).toBe(true);
    expect(await rowsOf("legal")).toBe(others);
    // As another process sees it, which has no key left in its memory.
    const cipher = await cipherOn(world.store, folder.path);
    const reader = createAuditReader({ ...parts, cipher });
    const { entries } = await reader.page("cli", sales, { limit: 100 });
    expect(entries.find(({ action }) => action === "message")).toMatchObject({
      ...{ actor: "", isErased: true, detail: {} },
    });
    expect(JSON.stringify(entries)).not.toContain("sales-answered");
    const { problem } = await verifyChain(world.store, "sales", { keys: [], checkpoints: [] });
    expect(problem).toBeUndefined();
    expect(await eraseTenant(parts, "cli", sales)).toMatchObject({
      erasure: { erased: { data_keys: 0, messages: 0, exchanges: 0 } },
    });
    const sealed = (await cipher.of(sales)).seal("place", Buffer.from("anew"));
    expect(String(await cipher.open(sales, "place", sealed))).toBe("anew");
  });

  it.each(["person", "tenant"])(
    "takes up the erasure of a %s wherever it broke off",
    async (whose) => {
      const { rest } = await plantState();
      const { store } = parts;
      let left = 0;
      const dying: typeof store = {
        ...store,
        write: async (scope, work) => {
          if (left-- === 0) throw new Error("the process died");
          return store.write(scope, work);
        },
      };
      const erase = () =>
        whose === "person"
          ? erasePerson({ ...parts, store: dying }, "cli", sales, rights.person)
          : eraseTenant({ ...parts, store: dying }, "cli", sales);
      let done: Awaited<ReturnType<typeof erase>> | undefined;
      for (let writes = 0; done === undefined; writes++) {
        left = writes;
        done = await erase().catch(() => undefined);
      }
      expect(done.kind).toBe("erased");
      // Nobody can destroy anything off the record by killing the process that does it.
      const codes = (await erasures()).map(([, who, subject, , code]) => [who, subject, code]);
      expect(codes.length).toBeGreaterThan(2);
      const [ended, ...before] = codes.reverse();
      expect(ended).toEqual(["cli", whose, "OK"]);
      expect(
        before.every(
          ([who, subject, code]) => `${who} ${subject} ${code}` === `cli ${whose} BEGUN`,
        ),
      ).toBe(true);
      const rows = await rowsOf("sales");
      if (whose === "tenant") expect(rows).toBe(JSON.stringify(TABLES.map(() => [])));
      const { memory, messages, held, consents } = await dataOf(rights.person);
      expect([memory, messages, held, consents]).toEqual([[], [], [], []]);
      const keys = await rememberedKeys();
      expect(keys).toEqual(expect.arrayContaining(rest));
      for (const key of await wordsOf("answered")) expect(keys).not.toContain(key);
    },
  );

  it("attack: reading in the log of an erased tenant whom its budget's alerts told", async () => {
    const { store, cipher } = parts;
    const { log } = process;
    const counters = createCounters();
    const budget = createBudget({ store, auditLog, notices: noNotices, log, now, counters });
    const contacts = ["slack:T1:UCONTACT"];
    const payer = { id: "sales", monthlyBudgetUsd: 10, contacts };
    await (await budget.reserve(payer, limitOf(9)))?.settle(limitOf(9));
    const alerts = async () => {
      const reader = createAuditReader({ ...parts, cipher });
      return (await reader.page("cli", sales, { action: "budget.alert", limit: 9 })).entries;
    };
    expect(await alerts()).toMatchObject([
      { actor: "gateway", detail: { contacts: "slack:T1:UCONTACT" } },
    ]);
    await eraseTenant(parts, "cli", sales);
    const rows = await world.sql("SELECT sender_id, message_key, subject, detail FROM audit");
    expect(JSON.stringify(rows)).not.toContain("UCONTACT");
  });

  // What a server leaves in its files is vacuumed by the server.
  const onFile = it.skipIf(world.dialect !== "sqlite");
  onFile(
    "attack: taking a destroyed key from the space that it left in the database file",
    async () => {
      const file = `${world.url.slice("file:".length)}/clawgate.db`;
      const [row] = await world.sql(
        "SELECT hex(wrapped) AS hex FROM data_keys WHERE tenant_id = 'sales'",
      );
      const wrapped = Buffer.from(String(row?.hex), "hex");
      await world.sql("PRAGMA wal_checkpoint(TRUNCATE)");
      expect(readFileSync(file).includes(wrapped)).toBe(true);
      await eraseTenant(parts, "cli", sales);
      await world.sql("PRAGMA wal_checkpoint(TRUNCATE)");
      expect(readFileSync(file).includes(wrapped)).toBe(false);
    },
  );
});
