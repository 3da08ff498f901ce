import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { deliveryProcess } from "../../fakes/delivery-process.ts";
import { plantTenant } from "../../fakes/planted-tenant.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const SENTENCE = "the merger with Initech is on";
// What may be known of a message: who wrote it where. Found, so the search searches.
const ID = "legal-answered";

/** Files below a folder that hold these bytes, in any of the encodings that a store might use. */
const filesWith = (folder: string, text: string): readonly string[] => {
  const bytes = Buffer.from(text);
  const needles = [
    bytes,
    Buffer.from(text, "utf16le"),
    Buffer.from(bytes.toString("hex")),
    // Without its ends, which depend on what is around it.
    Buffer.from(bytes.toString("base64").slice(4, -4)),
  ];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const content = readFileSync(file);
      return needles.some((needle) => content.includes(needle));
    });
};

describeStores("what people wrote", (world) => {
  const folder = temporaryFolder();
  const now = () => new Date();
  beforeEach(async () => {
    const { store } = world;
    const process = await deliveryProcess({ store, folder: folder.path, now });
    await plantTenant(process, store, "legal", SENTENCE);
  });

  it("is nowhere in the database's files, its log or a backup of it", async () => {
    if (world.dialect === "sqlite") {
      const data = world.url.slice("file:".length);
      await world.sql(`VACUUM INTO '${folder.path}/backup.db'`);
      expect(readdirSync(data).toSorted()).toEqual([
        "clawgate.db",
        "clawgate.db-shm",
        "clawgate.db-wal",
      ]);
      expect(filesWith(folder.path, ID)).toContain(join(folder.path, "backup.db"));
      expect(filesWith(data, ID)).toEqual([join(data, "clawgate.db-wal")]);
      for (const place of [data, folder.path]) expect(filesWith(place, SENTENCE)).toEqual([]);
      await world.sql("PRAGMA wal_checkpoint(TRUNCATE)");
      expect(filesWith(data, ID)).toEqual([join(data, "clawgate.db")]);
      expect(filesWith(data, SENTENCE)).toEqual([]);
      return;
    }
    await world.sql("CHECKPOINT");
    const [row] = await world.sql("SHOW data_directory");
    const data = String(row?.data_directory);
    const found = filesWith(data, ID);
    expect(found.some((file) => file.startsWith(join(data, "base")))).toBe(true);
    expect(found.some((file) => file.startsWith(join(data, "pg_wal")))).toBe(true);
    expect(filesWith(data, SENTENCE)).toEqual([]);
  });
});
