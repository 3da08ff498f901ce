import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { registerDoctor } from "../../cli/doctor.ts";
import { listenerFinding } from "../../cli/doctor-listener.ts";
import { redisFinding } from "../../cli/doctor-redis.ts";
import { storeFindings } from "../../cli/doctor-store.ts";
import { settingsSchema } from "../../config/schema.ts";
import { openStore } from "../../core/store/open-store.ts";
import { openSqlite } from "../../core/store/sqlite.ts";
import { selfSigned } from "../fakes/certificate.ts";
import { cipherOn } from "../fakes/cipher.ts";
import { freePort } from "../fakes/free-port.ts";
import { smallDisk } from "../fakes/small-disk.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();
const settingsOf = (blocks: object) => settingsSchema.parse(blocks);

describe("the listener check", () => {
  const examine = (server: object, now = new Date()) =>
    listenerFinding(settingsOf({ server }), now);
  const server = createServer();
  afterEach(() => void server.removeAllListeners("request").close());
  const serve = async (body: string): Promise<number> => {
    server.on("request", (_, response) => response.end(body));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };

  it("tells a port that is free from a gateway's and from another program's", async () => {
    expect(await examine({ port: await freePort() })).toMatchObject({
      state: "ok",
      text: expect.stringContaining("nobody listens"),
    });
    expect(await examine({ port: await serve('{"status":"ok"}') })).toMatchObject({
      state: "ok",
      text: expect.stringContaining("a gateway answers"),
    });
  });

  it("says what to do when another program has the port", async () => {
    expect(await examine({ port: await serve("hello") })).toMatchObject({
      state: "bad",
      remedy: expect.stringContaining("server.port"),
    });
  });

  it("says what is wrong with a certificate before start does, and when it ends", async () => {
    const tls = { cert_file: join(folder.path, "tls.crt"), key_file: join(folder.path, "tls.key") };
    expect(await examine({ port: 0, tls })).toMatchObject({
      state: "bad",
      remedy: expect.stringContaining("tls.crt cannot be read (ENOENT)"),
    });
    const { cert, key } = selfSigned("gateway");
    writeFileSync(tls.cert_file, cert);
    writeFileSync(tls.key_file, selfSigned("another").key);
    expect(await examine({ port: 0, tls })).toMatchObject({
      state: "bad",
      remedy: expect.stringContaining("belong together"),
    });
    writeFileSync(tls.key_file, key);
    const day = 86_400_000;
    for (const [days, state] of [
      [-30, "ok"],
      [0, "unknown"],
      [30, "bad"],
    ] as const) {
      const now = new Date(Date.now() + days * day);
      expect((await examine({ port: 0, tls }, now)).state, `${days} days`).toBe(state);
    }
  });
});

describe("the store check", () => {
  const examine = (url = `file:${join(folder.path, "data")}`) =>
    storeFindings({
      settings: settingsOf({ storage: { url } }),
      keyFile: join(folder.path, "data", "master.key"),
    });

  it("makes no key where there is none yet, and opens what is stored with the one there is", async () => {
    for (const _ of [1, 2]) {
      expect(await examine()).toMatchObject([
        { check: "store", state: "ok" },
        { check: "keys", state: "ok", text: expect.stringContaining("made at the first start") },
      ]);
    }
    const store = await openStore({ url: `file:${join(folder.path, "data")}` });
    await cipherOn(store, join(folder.path, "data"));
    await store.close();
    expect(await examine()).toMatchObject([{}, { text: expect.stringContaining("opens what") }]);
  });

  it.each([
    ["is gone", (file: string) => rmSync(file), /does not exist/],
    ["is damaged", (file: string) => writeFileSync(file, "x", { mode: 0o600 }), /is damaged/],
  ])("says what to do when the key file %s", async (_, harm, reason) => {
    const store = await openStore({ url: `file:${join(folder.path, "data")}` });
    await cipherOn(store, join(folder.path, "data"));
    await store.close();
    harm(join(folder.path, "data", "master.key"));
    expect(await examine()).toMatchObject([
      { state: "ok" },
      { check: "keys", state: "bad", text: expect.stringMatching(reason) },
    ]);
  });

  describe("on a small disk", () => {
    const disk = smallDisk(4 * 1024 * 1024);

    it("says how little room is left, before nothing is accepted any more", async (context) => {
      disk.need(context);
      const url = `file:${disk.path}/data`;
      await (await openStore({ url })).close();
      const [finding] = await examine(url);
      expect(finding).toMatchObject({ check: "store", state: "bad" });
      expect(finding?.text).toMatch(/: 0 messages waiting.* [0-3] MiB of its disk are left$/);
    });

    it("says to make room where a full one keeps the store closed", async (context) => {
      disk.need(context);
      mkdirSync(join(disk.path, "data"));
      writeFileSync(join(disk.path, "data", "clawgate.db"), "");
      disk.fill();
      expect(await examine(`file:${disk.path}/data`)).toMatchObject([
        { check: "store", state: "bad", remedy: "make room on the disk of storage.url" },
      ]);
    });
  });

  it("says where PostgreSQL was looked for, without the password, and what to do", async () => {
    const port = await freePort();
    const [finding, ...more] = await examine(`postgres://u:hunter2@127.0.0.1:${port}/x`);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      ...{ check: "store", state: "bad" },
      text: expect.stringContaining(`127.0.0.1:${port}/x`),
      remedy: expect.stringContaining("start PostgreSQL"),
    });
    expect(JSON.stringify(finding)).not.toContain("hunter2");
  });

  it("leaves the schema of an older version as it is, and says what to do", async () => {
    const url = `file:${join(folder.path, "data")}`;
    await (await openStore({ url })).close();
    const database = openSqlite(join(folder.path, "data", "clawgate.db"));
    try {
      const newest = "SELECT max(name) AS name FROM kysely_migration";
      const [row] = database.prepare(newest).all([]);
      database.prepare(`DELETE FROM kysely_migration WHERE name = '${row?.name}'`).run([]);
      expect(await examine(url)).toMatchObject([
        {
          ...{ check: "store", state: "bad" },
          text: expect.stringMatching(/older version of clawgate.*start the gateway/),
          remedy: expect.stringContaining("nothing was changed"),
        },
      ]);
      expect(database.prepare(newest).all([])).not.toEqual([row]);
    } finally {
      database.close();
    }
  });

  it("does not ask for rights where the folder holds something else", async () => {
    const data = join(folder.path, "data");
    mkdirSync(data);
    writeFileSync(join(data, "clawgate.db"), "x".repeat(8192));
    expect(await examine()).toMatchObject([
      {
        state: "bad",
        text: expect.stringContaining("is it ours?"),
        remedy: expect.stringContaining("another folder"),
      },
    ]);
  });
});

it("says what to do when Redis is not there, without the password", async () => {
  const finding = await redisFinding(`redis://:hunter2@127.0.0.1:${await freePort()}`);
  expect(finding).toMatchObject({
    state: "bad",
    text: expect.stringContaining("ECONNREFUSED"),
    remedy: expect.stringContaining("queue.redis_url"),
  });
  expect(JSON.stringify(finding)).not.toContain("hunter2");
});

describe("several lines about one thing", () => {
  it("stand below each other for people, and without columns for programs", async () => {
    const file = join(folder.path, "settings.json");
    const tenants = [{ id: "sales", allowed_skills: ["nonesuch"] }];
    // Found out at once, whatever the machine.
    const openshell = {
      isolation: "openshell",
      gateway: { program: join(folder.path, "none"), image: "none" },
    };
    const server = { port: await freePort() };
    const storage = { url: `file:${join(folder.path, "store")}` };
    writeFileSync(file, JSON.stringify({ server, storage, openshell, multi_tenant: { tenants } }));
    const doctor = async (...more: string[]) =>
      (await runVerb(registerDoctor, folder.path, ["doctor", "--settings", file, ...more])).out;

    expect(await doctor()).toMatch(/^ok {6}skills {6}calculator.*\n {20}\S.*nonesuch/m);
    expect(JSON.parse(await doctor("--json")).checks).toContainEqual(
      expect.objectContaining({
        check: "skills",
        text: expect.stringMatching(/^calculator.*\n\S.*nonesuch/),
      }),
    );
  });
});
