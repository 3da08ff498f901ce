import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startWecomGateway, type WecomGateway } from "../fakes/wecom-gateway.ts";

const main = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");

let world: WecomGateway;
beforeEach(async () => {
  world = await startWecomGateway();
});
afterEach(() => world.close());

const deliver = (inner: string) =>
  world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner));
const dataFolder = () => join(world.gateway.folder, "data");
const keyFile = () => join(dataFolder(), "master.key");

/** The files of the data folder that hold this text. */
const filesWith = (text: string): readonly string[] =>
  readdirSync(dataFolder(), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(text));

const clawgate = (...words: string[]) =>
  promisify(execFile)(process.execPath, [main, ...words, "--settings", "settings.json"], {
    cwd: world.gateway.folder,
    env: { PATH: process.env.PATH },
  });

describe("what people write", () => {
  it("is in no file of the data folder: not answered, not waiting, not after kill -9", async () => {
    const planted = "the merger is called Nightingale 夜莺计划";
    expect(await deliver(world.cloud.text("echo", planted))).toMatchObject({ passive: planted });
    world.model.script({ kind: "text", text: `so you say: ${planted}` });
    await deliver(world.cloud.text("wei", `is it true that ${planted}?`));
    await world.cloud.waitForSeen("wei", 1);
    world.model.script({ kind: "hang" });
    await deliver(world.cloud.text("wei", `and again: ${planted}`));
    await world.model.arrived(2);

    // The same search finds what lies unencrypted in the same rows.
    expect(filesWith("wechat_work")).not.toEqual([]);
    for (const part of ["Nightingale", "夜莺计划"]) expect(filesWith(part)).toEqual([]);
    await world.gateway.stop("SIGKILL");
    for (const part of ["Nightingale", "夜莺计划"]) expect(filesWith(part)).toEqual([]);
  });
});

describe("the master key", () => {
  it("is not replaced when it is lost: the gateway refuses to start until it is back", async () => {
    await world.gateway.stop();
    const backup = join(world.gateway.folder, "backup.key");
    renameSync(keyFile(), backup);
    await expect(world.gateway.start()).rejects.toThrow(`key file ${keyFile()} does not exist`);
    expect(existsSync(keyFile())).toBe(false);
    renameSync(backup, keyFile());
    await world.gateway.start();
    expect(await deliver(world.cloud.text("echo", "back"))).toMatchObject({ passive: "back" });
  });

  it("is rotated beside the running gateway, and what was waiting is answered after kill -9", async () => {
    world.model.script({ kind: "hang" });
    await deliver(world.cloud.text("wei", "do not forget me"));
    await world.model.arrived(1);
    const { stdout } = await clawgate("key", "rotate", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, key_file: keyFile(), failures: [] });
    expect(await deliver(world.cloud.text("echo", "still here"))).toMatchObject({
      passive: "still here",
    });
    await world.gateway.stop("SIGKILL");
    await world.gateway.start();
    await world.cloud.waitForSeen("wei", 1);
    expect(world.gateway.audit().filter(({ action }) => action === "key.rotate")).toHaveLength(2);
  });
});
