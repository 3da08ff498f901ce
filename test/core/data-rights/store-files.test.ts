import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { createAuditLog } from "../../../core/audit-log.ts";
import { erasePerson } from "../../../core/data-rights/erase-person.ts";
import { eraseTenant } from "../../../core/data-rights/erase-tenant.ts";
import { type Person, personOf } from "../../../core/memory/person.ts";
import { openStore } from "../../../core/store/open-store.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { openSqlite } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { type DeliveryProcess, deliveryProcess } from "../../fakes/delivery-process.ts";
import { textMessage } from "../../fakes/messages.ts";
import { dataRightsOf } from "../../fakes/planted-tenant.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const now = () => new Date();
const sales = tenantScope("sales");
const messageOf = (index: number, sender: string) => ({
  ...textMessage(`m${index}${sender}`, `question ${index} `.repeat(400), sender),
  channel: "slack",
});

describe("the files of an embedded store", () => {
  let store: Store;
  let process: DeliveryProcess;
  let rights: ReturnType<typeof dataRightsOf>;
  beforeEach(async () => {
    store = await openStore({ url: `file:${folder.path}/store` });
    process = await deliveryProcess({ store, folder: folder.path, now });
    rights = dataRightsOf(process, store, messageOf(0, "wei"));
  });

  /** Longer than a page of the database, some of it, as people write. */
  const remember = async (sender: string): Promise<Person> => {
    for (let index = 0; index < 20; index++) {
      const message = messageOf(index, sender);
      const question = index % 2 === 0 ? "short" : "what they said ".repeat(600);
      const exchange = { question, answer: `${index}`, isSensitive: false };
      await store.write(sales, await rights.memory.prepare(sales, message, exchange));
    }
    return personOf(messageOf(0, sender));
  };
  const sealedRows = (): Buffer[] => {
    const database = openSqlite(`${folder.path}/store/clawgate.db`);
    const rows = database.prepare("SELECT content FROM memory").all([]);
    database.close();
    return rows.map(({ content }) => content as Buffer);
  };
  /** How many of these rows are in any file, be it in part. */
  const lyingAbout = (rows: readonly Buffer[]): number => {
    const files = readdirSync(join(folder.path, "store"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    const parts = (row: Buffer) =>
      Array.from({ length: Math.ceil(row.length / 500) }, (_, index) =>
        row.subarray(index * 500, index * 500 + 40),
      ).filter(({ length }) => length === 40);
    return rows.filter((row) =>
      parts(row).some((part) => files.some((file) => file.includes(part))),
    ).length;
  };

  it("attack: looking for an erased person's rows, sealed as they were, beside the key that opens them", async () => {
    const person = await remember("wei");
    const theirs = sealedRows();
    await remember("mei");
    const others = sealedRows().filter((row) => !theirs.some((one) => one.equals(row)));
    expect([lyingAbout(theirs), lyingAbout(others)]).toEqual([20, 20]);
    const auditLog = createAuditLog(store, process.cipher);
    const parts = { ...rights, store, cipher: process.cipher, auditLog, now };
    expect(await erasePerson(parts, "cli", sales, person)).toMatchObject({ kind: "erased" });
    // Under a gateway that runs on.
    expect([lyingAbout(theirs), lyingAbout(others)]).toEqual([0, 20]);
    await eraseTenant(parts, "cli", sales);
    expect(lyingAbout(others)).toBe(0);
    await store.close();
    expect(lyingAbout([...theirs, ...others])).toBe(0);
  });
});
