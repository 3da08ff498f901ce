import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { InboundMessage } from "../../../core/contract/message.ts";
import { inPlaces } from "../../../core/memory/in-places.ts";
import { createMemory, type Memory } from "../../../core/memory/memory.ts";
import { personOf } from "../../../core/memory/person.ts";
import { createRowIndexer } from "../../../core/memory/row-indexer.ts";
import {
  eraseToken,
  idsOfPerson,
  markIndexed,
  newestOf,
  olderRows,
  ROW_PLACES,
  rowsAmong,
  rowsOfPerson,
  rowsWithToken,
  tokensOfRow,
  unindexedRows,
} from "../../../core/memory/rows.ts";
import { createOpenRow } from "../../../core/memory/sealed-row.ts";
import { tokenHash } from "../../../core/memory/token-hash.ts";
import type { ContentCipher } from "../../../core/store/content-cipher.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import type { Statement } from "../../../core/store/statement.ts";
import type { Store, Work } from "../../../core/store/store.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { eventually } from "../../fakes/eventually.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const sales = tenantScope("sales");
const legal = tenantScope("legal");
const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

describeStores("memory", (world) => {
  let memory: Memory;
  let cipher: ContentCipher;
  let log: RecordedLog;
  let time: number;
  beforeEach(async () => {
    time = Date.parse("2026-03-01T00:00:00Z");
    log = recordedLog();
    cipher = await cipherOn(world.store, folder.path);
    const now = () => {
      time += 1_000;
      return new Date(time);
    };
    memory = createMemory({ store: world.store, cipher, log, now });
  });
  afterEach(() => memory.close());

  const remember = async (
    question: string,
    answer = "ok",
    more: {
      readonly scope?: typeof sales;
      readonly message?: InboundMessage;
      readonly isSensitive?: boolean;
    } = {},
  ) => {
    const { scope = sales, message = textMessage("m1"), isSensitive = false } = more;
    const work = await memory.prepare(scope, message, { question, answer, isSensitive });
    await world.store.write(scope, work);
  };
  const found = async (text: string, scope = sales, person?: Parameters<Memory["allOf"]>[1]) =>
    (await memory.search(scope, { text, limit: 10, person })).map(({ question }) => question);
  const recent = async (message = textMessage("now"), scope = sales) =>
    (await memory.recent(scope, message, true)).map(({ question }) => question);

  it("finds at once what was just said, by its words and by its answer's", async () => {
    await remember("Where is the quarterly report?", "In the archive 薪資報表");
    const [hit] = await memory.search(sales, { text: "QUARTERLY report", limit: 10 });
    expect(hit).toMatchObject({
      question: "Where is the quarterly report?",
      answer: "In the archive 薪資報表",
      ...{ channel: "test", workspaceId: "corp", senderId: "wei" },
      at: new Date("2026-03-01T00:00:01Z"),
    });
    for (const query of ["薪资", "報表", "archive"]) expect(await found(query)).toHaveLength(1);
    expect(await found("report nowhere said")).toEqual([]);
    expect(await found("…")).toEqual([]);
  });

  it("puts the row with the rarer words first, and later rows before earlier ones", async () => {
    for (const n of [1, 2, 3]) await remember(`weather in town ${n}`);
    await remember("weather in Kaohsiung");
    await remember("lunch in Kaohsiung");
    expect(await found("weather kaohsiung in")).toEqual([
      "weather in Kaohsiung",
      "lunch in Kaohsiung",
      ...["weather in town 3", "weather in town 2", "weather in town 1"],
    ]);
  });

  it("finds an old row by a rare word beside one that everybody uses", async () => {
    await remember("quarterly budget of Zhubei");
    await memory.index(sales);
    const common = tokenHash(await cipher.of(sales), "budget");
    const blob = world.dialect === "sqlite" ? ["x'", "'"] : ["'\\x", "'"];
    const id =
      world.dialect === "sqlite"
        ? "unhex('ff' || printf('%022x', n))"
        : "decode('ff' || lpad(to_hex(n), 22, '0'), 'hex')";
    await world.sql(`WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1500)
      INSERT INTO memory_tokens (tenant_id, token, memory_id)
      SELECT 'sales', ${blob.join(common.toString("hex"))}, ${id} FROM s`);
    expect(await found("budget zhubei")).toEqual(["quarterly budget of Zhubei"]);
  });

  it("finds a person's row by words that everybody uses, however much others said since", async () => {
    await remember("the quarterly budget", "ok", { message: textMessage("m", "", "mei") });
    await memory.index(sales);
    const blob = world.dialect === "sqlite" ? ["x'", "'"] : ["'\\x", "'"];
    const id =
      world.dialect === "sqlite"
        ? "unhex('ff' || printf('%022x', n))"
        : "decode('ff' || lpad(to_hex(n), 22, '0'), 'hex')";
    for (const word of ["quarterly", "budget"]) {
      const token = blob.join(tokenHash(await cipher.of(sales), word).toString("hex"));
      await world.sql(`WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 1500)
        INSERT INTO memory_tokens (tenant_id, token, memory_id) SELECT 'sales', ${token}, ${id} FROM s`);
    }
    const mei = personOf(textMessage("m", "", "mei"));
    expect(await found("quarterly budget", sales, mei)).toEqual(["the quarterly budget"]);
    expect(await found("quarterly budget", sales, personOf(textMessage("m", "", "bo")))).toEqual(
      [],
    );
  });

  it("stores by itself what rows are found by, in the background", async () => {
    const now = () => new Date(time);
    const parts = { store: world.store, cipher, log, now };
    const busy = createMemory({ ...parts, indexAfterMs: 0 });
    const exchange = { question: "in the background", answer: "ok", isSensitive: false };
    for (let n = 0; n < 20; n++) {
      const work = await busy.prepare(sales, textMessage("m"), exchange);
      await world.store.write(sales, work);
    }
    await eventually(async () =>
      expect(await world.sql("SELECT count(*) AS n FROM memory WHERE indexed = 0")).toEqual([
        { n: 0 },
      ]),
    );
    await busy.close();
  });

  it("tells the last exchanges of the person in the conversation, oldest first, and no more", async () => {
    for (let n = 1; n <= 8; n++) await remember(`q${n}`);
    expect(await recent()).toEqual(["q3", "q4", "q5", "q6", "q7", "q8"]);
    await remember("long", "x".repeat(9_000));
    expect(await recent()).toEqual([]);
    await remember("short again");
    expect(await recent()).toEqual(["short again"]);
  });

  it("tells nothing of another conversation, another person of the room, or another tenant", async () => {
    const room = (sender: string) => ({
      ...textMessage("m", "", sender),
      conversation: { id: "room", kind: "group" as const },
    });
    await remember("mine", "ok", { message: room("wei") });
    expect(await recent(room("wei"))).toEqual(["mine"]);
    expect(await recent(room("mei"))).toEqual([]);
    expect(await recent(textMessage("m", "", "wei"))).toEqual([]);
    expect(await recent(room("wei"), legal)).toEqual([]);
    expect(await recent({ ...room("wei"), workspaceId: "other" })).toEqual([]);
  });

  it("gives everything of a person once, of all conversations, however many there are", async () => {
    const asked: string[] = [];
    const works: Work<void>[] = [];
    for (let n = 0; n < 450; n++) {
      const conversation = { id: `room ${n % 3}`, kind: "group" as const };
      const message = { ...textMessage(`m${n}`), conversation };
      asked.push(`q${n}`);
      const exchange = { question: `q${n}`, answer: "ok", isSensitive: false };
      works.push(await memory.prepare(sales, message, exchange));
    }
    await remember("another person's", "ok", { message: textMessage("m", "", "mei") });
    await world.store.write(sales, async (transaction) => {
      for (const work of works) await work(transaction);
    });
    const given = await all(memory.allOf(sales, personOf(textMessage("m"))));
    expect(given.map(({ question }) => question).sort()).toEqual(asked.sort());
    const rooms = given.map(({ question }) => Number(question.slice(1)) % 3);
    expect(rooms.filter((room, place) => room !== rooms[place - 1])).toHaveLength(3);
  });

  it("keeps an exchange with personal data from a turn that may go to more places", async () => {
    await remember("about [email]", "ok", { isSensitive: true });
    await remember("about lunch");
    const told = async (allowsSensitive: boolean) =>
      (await memory.recent(sales, textMessage("m"), allowsSensitive)).length;
    expect([await told(true), await told(false)]).toEqual([2, 1]);
  });

  it("erases a person's rows and what they were found by, and nobody else's", async () => {
    await remember("my secret project");
    await remember("my secret lunch", "ok", { message: textMessage("m2", "", "mei") });
    expect(await found("secret")).toHaveLength(2);
    const erase = await memory.eraserOf(sales, personOf(textMessage("m", "", "WEI")));
    expect(await world.store.write(sales, erase)).toBe(1);
    expect(await found("secret")).toEqual(["my secret lunch"]);
    const left = await world.sql(
      "SELECT count(*) AS n FROM memory_tokens WHERE memory_id NOT IN (SELECT id FROM memory)",
    );
    expect(left).toEqual([{ n: 0 }]);
    expect(await all(memory.allOf(sales, personOf(textMessage("m"))))).toEqual([]);
  });

  it("erases what is much of a person a little at a time, the rest at once", async () => {
    const { tenantId } = sales;
    await remember("of somebody else", "ok", { message: textMessage("m2", "", "mei") });
    const whose = textMessage("m");
    const exchange = { question: "many", answer: "words", isSensitive: false };
    const works = await Promise.all(
      Array.from({ length: 450 }, () => memory.prepare(sales, whose, exchange)),
    );
    await world.store.write(sales, async (transaction) => {
      for (const work of works) await work(transaction);
    });
    await memory.index(sales);
    expect(await memory.eraseMost(sales, personOf(whose))).toBe(400);
    const erase = await memory.eraserOf(sales, personOf(whose));
    expect(await world.store.write(sales, erase)).toBe(50);
    const [left] = await world.sql(
      `SELECT (SELECT count(*) FROM memory WHERE tenant_id = '${tenantId}') AS rows_left,
        (SELECT count(*) FROM memory_tokens
          WHERE memory_id NOT IN (SELECT id FROM memory)) AS tokens`,
    );
    expect([Number(left?.rows_left), Number(left?.tokens)]).toEqual([1, 0]);
  });

  it("indexes nothing that was erased since it was read", async () => {
    await remember("gone soon");
    const erase = await memory.eraserOf(sales, personOf(textMessage("m")));
    await Promise.all([memory.index(sales), world.store.write(sales, erase)]);
    expect(await world.sql("SELECT count(*) AS n FROM memory_tokens")).toEqual([{ n: 0 }]);
  });

  it("stores every word's hash and no other, of one word as of a thousand", async () => {
    const own = await cipher.of(sales);
    for (const count of [1, 2, 1_024]) {
      const words = Array.from({ length: count }, (_, n) => `word${count}x${n}`);
      // An answer without letters is found by nothing.
      await remember(words.join(" "), "!");
      await memory.index(sales);
      const rows = await world.sql("SELECT token FROM memory_tokens");
      await world.sql("DELETE FROM memory_tokens");
      const hex = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString("hex");
      const hashes = words.map((word) => hex(tokenHash(own, word)));
      expect(rows.map(({ token }) => hex(token)).sort()).toEqual(hashes.sort());
    }
  });

  it("lets rows of few words share a commit, and nobody wait long for those of many", async () => {
    let commits = 0;
    const store: Store = {
      ...world.store,
      note: (access, work) => {
        commits += 1;
        return world.store.note(access, work);
      },
    };
    const rows = createRowIndexer({ store, cipher, openRow: createOpenRow(cipher, log) });
    for (let n = 0; n < 20; n++) await remember(`few words ${n}`);
    expect([await rows.newest(sales, 32), commits]).toEqual([20, 1]);
    const words = Array.from({ length: 600 }, (_, n) => `word${n}`).join(" ");
    for (let n = 0; n < 3; n++) await remember(words);
    await remember("zhubei");
    expect([await rows.newest(sales, 32), commits]).toEqual([4, 5]);
    expect(await found("zhubei")).toEqual(["zhubei"]);
    expect(await found("word599")).toHaveLength(3);
  });

  it("leaves nothing legible in the database", async () => {
    await remember("xyzzy plugh 密語", "frotz");
    await memory.index(sales);
    const rows = [
      ...(await world.sql("SELECT * FROM memory")),
      ...(await world.sql("SELECT * FROM memory_tokens")),
    ];
    const text = rows.flatMap((row) =>
      Object.values(row).map((value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : String(value),
      ),
    );
    expect(rows.length).toBeGreaterThan(4);
    for (const word of ["xyzzy", "plugh", "密", "frotz", "wei"]) {
      expect(
        text.some((value) => value.includes(word)),
        word,
      ).toBe(false);
    }
  });

  it("passes over a row that was moved to another tenant or damaged, and says so in the log", async () => {
    await remember("good report");
    await remember("bad report");
    await memory.index(sales);
    await world.sql("UPDATE memory SET content = (SELECT content FROM memory ORDER BY id LIMIT 1)");
    expect(await found("report")).toEqual(["good report"]);
    expect(await recent()).toEqual(["good report"]);
    expect(log.lines.some(({ level }) => level === "warn")).toBe(true);
    await world.sql("UPDATE memory SET tenant_id = 'legal'");
    expect(await recent(textMessage("m"), legal)).toEqual([]);
  });

  it("shows no tenant anything of another, whatever is said and asked", async () => {
    const words = fc.array(fc.constantFrom("report", "薪资", "lunch", "q3"), { minLength: 1 });
    const marked = (scope: typeof sales, text: readonly string[]) =>
      `${text.join(" ")} of-${scope.tenantId}`;
    await fc.assert(
      fc.asyncProperty(words, words, words, async (mine, theirs, query) => {
        await remember(marked(sales, mine), "ok", { scope: sales });
        await remember(marked(legal, theirs), "ok", { scope: legal });
        for (const scope of [sales, legal]) {
          const other = scope === sales ? legal : sales;
          const text = query.join(" ");
          const person = personOf(textMessage("m"));
          const seen = [
            ...(await found(text, scope)),
            ...(await found(text, scope, person)),
            ...(await found(`of-${other.tenantId}`, scope)),
            ...(await recent(textMessage("m"), scope)),
            ...(await all(memory.allOf(scope, person))).map(({ question }) => question),
          ];
          expect(seen.every((question) => question.endsWith(`of-${scope.tenantId}`))).toBe(true);
        }
        const before = await all(memory.allOf(legal, personOf(textMessage("m"))));
        await world.store.write(sales, await memory.eraserOf(sales, personOf(textMessage("m"))));
        expect(await all(memory.allOf(legal, personOf(textMessage("m"))))).toEqual(before);
      }),
      { numRuns: world.dialect === "sqlite" ? 20 : 5 },
    );
  });

  it("reads no table through, however large: every question is a stretch of an index", async () => {
    const many = 20_000;
    const bytes = world.dialect === "sqlite" ? ["x'", "'"] : ["'\\x", "'"];
    const blob = (text: string) => bytes.join(text);
    const numbers =
      world.dialect === "sqlite"
        ? `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${many})`
        : `WITH s AS (SELECT generate_series(1, ${many}) AS n)`;
    const id = world.dialect === "sqlite" ? "CAST(n AS BLOB)" : "int4send(n)";
    await world.sql(
      `${numbers} INSERT INTO memory_tokens (tenant_id, token, memory_id) SELECT 'sales', ${id}, ${id} FROM s`,
    );
    await world.sql(
      `${numbers} INSERT INTO memory (tenant_id, id, person, conversation, channel, content, indexed)
       SELECT 'sales', ${id}, ${id}, ${id}, 'test', ${id}, 1 FROM s`,
    );
    await world.sql(
      `${numbers} INSERT INTO memory_foldings (tenant_id, fingerprint, number)
       SELECT CASE n WHEN 1 THEN 'sales' ELSE 'tenant ' || n END, ${blob("31")}, 2 FROM s`,
    );
    await world.sql("ANALYZE");
    const planOf = async <Args extends object>(
      statement: Statement<Args, unknown>,
      args: Args,
    ): Promise<string> => {
      const { sql, parameters } = statement.bind(world.dialect, args);
      let at = 0;
      const literal = (value: unknown) =>
        value instanceof Uint8Array
          ? blob(Buffer.from(value).toString("hex"))
          : typeof value === "number"
            ? String(value)
            : `'${value}'`;
      const text = sql.replace(/\?|\$\d+/g, () => literal(parameters[at++]));
      const explain = world.dialect === "sqlite" ? "EXPLAIN QUERY PLAN" : "EXPLAIN";
      const rows = await world.sql(`${explain} ${text}`);
      return rows.map((row) => String(row.detail ?? row["QUERY PLAN"])).join("\n");
    };
    const bytesOf = Buffer.from("31", "hex");
    const tenantId = "sales";
    const who = { person: bytesOf, conversation: bytesOf };
    const [places] = inPlaces(ROW_PLACES, [bytesOf]);
    if (!places) throw new Error("no places");
    for (const plan of [
      await planOf(rowsAmong, { tenantId, token: bytesOf, ...places }),
      await planOf(rowsWithToken, { tenantId, token: bytesOf, limit: 5_000 }),
      await planOf(newestOf, { tenantId, ...who, limit: 6 }),
      await planOf(rowsOfPerson, { tenantId, ...who, id: bytesOf, limit: 200 }),
      await planOf(idsOfPerson, { tenantId, person: bytesOf, limit: 20_000 }),
      await planOf(unindexedRows, { tenantId, limit: 200 }),
      await planOf(olderRows, { tenantId, fingerprint: bytesOf, limit: 200 }),
      await planOf(markIndexed, { tenantId, id: bytesOf, was: 1, number: 2 }),
      await planOf(tokensOfRow, { tenantId, id: bytesOf }),
      await planOf(eraseToken, { tenantId, id: bytesOf, token: bytesOf }),
    ]) {
      expect(plan).toMatch(world.dialect === "sqlite" ? /^SEARCH .* USING/ : /Index (Only )?Scan/);
      expect(plan).not.toMatch(/^SCAN|Seq Scan|TEMP B-TREE/m);
    }
  });
});
