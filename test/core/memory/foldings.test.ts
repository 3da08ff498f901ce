import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { createLegalHolds } from "../../../core/memory/legal-holds.ts";
import { createMemory, type Memory } from "../../../core/memory/memory.ts";
import { personOf } from "../../../core/memory/person.ts";
import { tokenHash } from "../../../core/memory/token-hash.ts";
import type { ContentCipher } from "../../../core/store/content-cipher.ts";
import { type TenantScope, tenantScope } from "../../../core/store/scope.ts";
import type { Store } from "../../../core/store/store.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { eventually } from "../../fakes/eventually.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const sales = tenantScope("sales");
const legal = tenantScope("legal");
const now = () => new Date("2026-03-01T00:00:00Z");
// What it is folded to now, and where folding does not know yet that 帐 and 账 are one.
const [SAID, FOLDED, FORMERLY] = ["帳戶", "账户", "帐户"];
const VARIANTS = "../../../core/safety/fold-variants.ts";

/** `createMemory` of a version whose folding did not know that yet. */
let createFormerly: typeof createMemory;
beforeAll(async () => {
  vi.resetModules();
  vi.doMock(VARIANTS, () => ({ otherForms: () => [] }));
  createFormerly = (await import("../../../core/memory/memory.ts")).createMemory;
  vi.doUnmock(VARIANTS);
});

class DeathError extends Error {}

/** The store of a process that dies before statement `fatal` of all that its transactions run. */
const mortal = (store: Store, fatal: number): Store => {
  let left = fatal;
  return {
    ...store,
    note: (access, work) =>
      store.note(access, (transaction) =>
        work({
          ...transaction,
          run: async (statement, args) => {
            if (left-- <= 0) throw new DeathError();
            return transaction.run(statement, args);
          },
        }),
      ),
  };
};

describeStores("memory of another folding", (world) => {
  let cipher: ContentCipher;
  let memory: Memory;
  let opened: Memory[];
  beforeEach(async () => {
    cipher = await cipherOn(world.store, folder.path);
    opened = [];
    memory = start();
  });
  afterEach(() => Promise.all(opened.map((each) => each.close())));

  /** What another process, or this one after a start, has. */
  const start = (store = world.store, create = createMemory): Memory => {
    const started = create({ store, cipher, log: recordedLog(), now, indexAfterMs: 0 });
    opened.push(started);
    return started;
  };
  const remember = async (scope: TenantScope, ...questions: readonly string[]) => {
    // Closed long before it begins: whoever indexes the rows is another one.
    const parts = { store: world.store, cipher, log: recordedLog(), now };
    const quiet = createMemory({ ...parts, indexAfterMs: 3_600_000 });
    for (const question of questions) {
      const exchange = { question, answer: "ok", isSensitive: false };
      const work = await quiet.prepare(scope, textMessage("m"), exchange);
      await world.store.write(scope, work);
    }
    await quiet.close();
  };
  const blob = (bytes: Uint8Array) => {
    const hex = Buffer.from(bytes).toString("hex");
    return world.dialect === "sqlite" ? `x'${hex}'` : `'\\x${hex}'`;
  };
  const hashOf = async (scope: TenantScope, token: string) =>
    blob(tokenHash(await cipher.of(scope), token));
  const startFormerly = () => start(world.store, createFormerly);
  const indexFormerly = async (scope: TenantScope, ...questions: readonly string[]) => {
    await remember(scope, ...questions);
    await startFormerly().index(scope);
  };
  const found = async (text: string, scope = sales, by = memory) =>
    (await by.search(scope, { text, limit: 100 })).map(({ question }) => question).sort();
  const numbers = async (scope = sales) =>
    (
      await world.sql(
        `SELECT DISTINCT indexed FROM memory WHERE tenant_id = '${scope.tenantId}' ORDER BY indexed`,
      )
    ).map(({ indexed }) => indexed);
  const tokens = async () =>
    JSON.stringify(
      await world.sql("SELECT * FROM memory_tokens ORDER BY tenant_id, token, memory_id"),
    );
  /** What rows are found by that only the older folding took them for. */
  const stale = async () =>
    world.sql(`SELECT * FROM memory_tokens WHERE token = ${await hashOf(sales, FORMERLY)}`);
  const manyQuestions = Array.from({ length: 40 }, (_, n) => `${SAID} number ${n}`).sort();

  it("is found by a character whose folding changed, once it is indexed anew", async () => {
    await indexFormerly(sales, `about ${SAID}`, "about lunch");
    expect(await found(FOLDED)).toEqual([]);
    memory.indexSoon(sales);
    await eventually(async () => expect(await numbers()).toEqual([3]));
    for (const query of [FOLDED, SAID, FORMERLY, "about"]) {
      expect(await found(query), query).toContain(`about ${SAID}`);
    }
    // Nor is it found any more by what only the older folding took it for.
    expect(await stale()).toEqual([]);
  });

  it("is found so as well where a version indexed it that did not count foldings", async () => {
    await indexFormerly(sales, SAID);
    await world.sql("DELETE FROM memory_foldings");
    await world.sql("UPDATE memory SET indexed = 1");
    memory.indexSoon(sales);
    await eventually(async () => expect(await numbers()).toEqual([2]));
    expect(await found(FOLDED)).toEqual([SAID]);
  });

  it("has in the end the very tokens of what was never indexed otherwise", async () => {
    await indexFormerly(sales, ...manyQuestions);
    const formerly = await tokens();
    await memory.index(sales);
    const anew = await tokens();
    await world.sql("DELETE FROM memory_tokens");
    await world.sql("UPDATE memory SET indexed = 0");
    await memory.index(sales);
    expect(await tokens()).toBe(anew);
    expect(anew).not.toBe(formerly);
  });

  it("is found in the meantime by all that did not change, and keeps no search waiting", async () => {
    await indexFormerly(sales, ...manyQuestions);
    await remember(sales, "number of today");
    expect(await found("number")).toEqual([...manyQuestions, "number of today"].sort());
    // Of today's the process, which has not taken over, says not by which folding it was indexed.
    expect(await numbers()).toEqual([1, 2]);
  });

  it("is left to the background by a process that only looks for something", async () => {
    await indexFormerly(sales, SAID);
    await remember(sales, "today");
    await found("today");
    await memory.close();
    expect(await numbers()).toEqual([1, 2]);
    expect(await world.sql("SELECT number FROM memory_foldings")).toEqual([{ number: 2 }]);
  });

  it("goes on where a process was killed, each row being all of one folding at any time", async () => {
    await indexFormerly(sales, ...manyQuestions);
    const every = async (query: string) => (await found(query)).length;
    for (let fatal = 0; ; fatal += 37) {
      const isWhole = await start(mortal(world.store, fatal))
        .index(sales)
        .then(
          () => true,
          (cause: unknown) => {
            expect(cause).toBeInstanceOf(DeathError);
            return false;
          },
        );
      expect((await every(FOLDED)) + (await stale()).length).toBe(manyQuestions.length);
      expect(await every("number")).toBe(manyQuestions.length);
      if (isWhole) break;
    }
    expect([await every(FOLDED), await numbers()]).toEqual([manyQuestions.length, [3]]);
  });

  it("is indexed once by two processes that do so at the same time", async () => {
    await indexFormerly(sales, ...manyQuestions);
    const other = start(await world.open());
    await Promise.all([memory.index(sales), other.index(sales)]);
    expect([await numbers(), await stale()]).toEqual([[3], []]);
    expect(await found(FOLDED)).toEqual(manyQuestions);
  });

  it("does not come back when it is erased after it was read", async () => {
    await indexFormerly(sales, SAID);
    const erase = await memory.eraserOf(sales, personOf(textMessage("m")));
    let notes = 0;
    const late: Store = {
      ...world.store,
      note: async (access, work) => {
        notes += 1;
        // The first one takes over, before anything is read.
        if (notes === 2) expect(await world.store.write(sales, erase)).toBe(1);
        return world.store.note(access, work);
      },
    };
    await start(late).index(sales);
    expect(notes).toBe(2);
    expect(await world.sql("SELECT * FROM memory")).toEqual([]);
    expect(await world.sql("SELECT * FROM memory_tokens")).toEqual([]);
  });

  it("does not come back when it is erased at the same time", async () => {
    await indexFormerly(sales, ...manyQuestions);
    const erase = await memory.eraserOf(sales, personOf(textMessage("m")));
    await Promise.all([memory.index(sales), world.store.write(sales, erase)]);
    expect(await world.sql("SELECT * FROM memory_tokens")).toEqual([]);
  });

  it("keeps what it says, whoever is held: only what it is found by changes", async () => {
    await indexFormerly(sales, SAID);
    const { store } = world;
    const auditLog = createAuditLog(store, cipher);
    await createLegalHolds({ store, cipher, auditLog, now }).hold("cli", sales);
    const rows = () => world.sql("SELECT id, person, conversation, channel, content FROM memory");
    const before = await rows();
    await memory.index(sales);
    expect(await rows()).toEqual(before);
    expect(await found(FOLDED)).toEqual([SAID]);
  });

  it("is indexed for each tenant by itself, in turns", async () => {
    await indexFormerly(sales, ...manyQuestions);
    await indexFormerly(legal, `${SAID} in court`);
    memory.indexSoon(sales);
    memory.indexSoon(legal);
    await eventually(async () => expect(await numbers(legal)).toEqual([3]));
    expect(await numbers(sales)).toContain(2);
    await eventually(async () => expect(await numbers(sales)).toEqual([3]));
    expect(await found(FOLDED, legal)).toEqual([`${SAID} in court`]);
    expect(await found(FOLDED)).toEqual(manyQuestions);
  });

  it("that cannot be opened keeps what it is found by, and is in nobody's way", async () => {
    await indexFormerly(sales, SAID, "about lunch");
    const before = await tokens();
    await world.sql(`UPDATE memory SET content = ${blob(Buffer.from("damaged"))}`);
    await memory.index(sales);
    expect([await numbers(), await tokens()]).toEqual([[3], before]);
  });

  it("is indexed anew by the newer one of two versions that run side by side, and stays so", async () => {
    const formerly = startFormerly();
    await remember(sales, `1 ${SAID}`);
    formerly.indexSoon(sales);
    await eventually(async () => expect(await numbers()).toEqual([2]));
    await memory.index(sales);
    expect(await numbers()).toEqual([3]);
    await remember(sales, `2 ${SAID}`);
    formerly.indexSoon(sales);
    // What the older one goes on indexing it leaves to the newer one.
    await eventually(async () => expect(await numbers()).toEqual([1, 3]));
    await formerly.close();
    expect(await numbers()).toEqual([1, 3]);
    await memory.index(sales);
    expect(await numbers()).toEqual([3]);
    expect(await found(FOLDED)).toEqual([`1 ${SAID}`, `2 ${SAID}`]);
  });

  it("is left as it is by an older version that has read it before and comes later", async () => {
    await remember(sales, SAID);
    const late: Store = {
      ...world.store,
      note: async (access, work) => {
        await memory.index(sales);
        return world.store.note(access, work);
      },
    };
    await found(SAID, sales, start(late, createFormerly));
    expect([await numbers(), await stale()]).toEqual([[2], []]);
    expect(await found(FOLDED)).toEqual([SAID]);
  });

  it("is indexed anew when an older version is started again", async () => {
    await remember(sales, SAID);
    await memory.index(sales);
    const formerly = startFormerly();
    expect(await found(SAID, sales, formerly)).toEqual([]);
    formerly.indexSoon(sales);
    await eventually(async () => expect(await found(SAID, sales, formerly)).toEqual([SAID]));
    expect(await numbers()).toEqual([3]);
  });
});
