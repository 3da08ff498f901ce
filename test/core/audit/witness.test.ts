import { appendFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { readCheckpoints } from "../../../core/audit/checkpoint-file.ts";
import { openSigningKey, verifyingKey } from "../../../core/audit/signing-key.ts";
import { startWitness, type Witness } from "../../../core/audit/witness.ts";
import { createChannelState } from "../../../core/channel-state/channel-state.ts";
import { createLeases } from "../../../core/channel-state/leases.ts";
import { type RecordedLog, recordedLog } from "../../fakes/log.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { type Audited, audited } from "./audited.ts";

const folder = temporaryFolder();
const now = () => new Date();

describeStores("the witness of the audit log", (world) => {
  let at: Audited;
  let file: string;
  let log: RecordedLog;
  beforeEach(async () => {
    at = await audited(world, folder.path);
    file = join(folder.path, "checkpoints.jsonl");
    rmSync(file, { force: true });
    log = recordedLog();
  });
  const start = (more: { readonly file?: string } = {}): Witness =>
    startWitness({ store: world.store, key: () => at.key, file, now, log, ...more });
  const sworn = async () => {
    const { of, problems } = await readCheckpoints(file, [verifyingKey(at.key.publicPem, "test")]);
    expect(problems).toEqual([]);
    return [...of].flatMap(([tenant, all]) => all.map(({ seq }) => `${tenant} ${seq}`)).sort();
  };

  it("swears to every chain that grew, and once more at the end", async () => {
    await at.fill("sales", 3);
    const witness = start();
    await witness.write();
    expect(await sworn()).toEqual(["sales 3"]);
    await at.fill("legal", 2);
    await witness.write();
    expect(await sworn()).toEqual(["legal 2", "sales 3"]);
    await at.fill("sales", 1);
    await witness.stop();
    expect(await sworn()).toEqual(["legal 2", "sales 3", "sales 4"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { of } = await readCheckpoints(file, [verifyingKey(at.key.publicPem, "test")], "sales");
    expect((await at.verify("sales", of.get("sales"))).checkpoints).toBe(2);
  });

  it("swears to nothing that a power loss could undo", async () => {
    await at.fill("sales", 1);
    const { write } = world.store;
    const wasSworn: boolean[] = [];
    vi.spyOn(world.store, "write").mockImplementation(async (access, work) => {
      wasSworn.push(existsSync(file));
      return write(access, work);
    });
    await start().stop();
    expect(wasSworn[0]).toBe(false);
    expect(await sworn()).toEqual(["sales 1"]);
  });

  it("is one process where there are several, and another one when that has ended", async () => {
    await at.fill("sales", 1);
    const state = () => createChannelState("_audit", { ...at, store: world.store, now });
    const another = (name: string) =>
      startWitness({
        ...{ store: world.store, key: () => at.key, now, log, file: join(folder.path, name) },
        leases: createLeases({ state: state(), log }),
      });
    const first = another("first.jsonl");
    await first.write();
    const second = another("second.jsonl");
    await second.write();
    expect(() => statSync(join(folder.path, "second.jsonl"))).toThrow("ENOENT");
    await first.stop();
    await second.write();
    expect(readFileSync(join(folder.path, "second.jsonl"), "utf8")).toContain('"seq":1');
    await second.stop();
    for (const name of ["first.jsonl", "second.jsonl"]) rmSync(join(folder.path, name));
  });

  it("keeps the gateway from nothing when its file cannot be written, and says so", async () => {
    await at.fill("sales", 1);
    const witness = start({ file: join(folder.path, "nowhere", "x.jsonl") });
    await witness.stop();
    expect(JSON.stringify(log.lines)).toContain("audit_checkpoint_failed");
  });

  it("attack: a line of the file that was changed, torn, or signed by somebody else vouches for nothing", async () => {
    await at.fill("sales", 2);
    const witness = start();
    await witness.stop();
    const line = readFileSync(file, "utf8").trim();
    const other = openSigningKey(join(folder.path, "other.key"));
    const keys = [verifyingKey(at.key.publicPem, "test")];
    for (const [bad, message] of [
      [line.replace('"seq":2', '"seq":1'), /was changed/],
      [line.replace('"checkpoint"', '"cut"'), /was changed/],
      [line.replace(/"sales"/, '"legal"'), /was changed/],
      [line.slice(0, 40), /is no checkpoint/],
      [line.replace(at.key.id, other.id), /signed by key/],
    ] as const) {
      writeFileSync(file, `${line}\n`);
      appendFileSync(file, `${bad}\n`);
      const { of, problems } = await readCheckpoints(file, keys);
      expect([of.get("sales")?.length, problems]).toEqual([1, [expect.stringMatching(message)]]);
      expect(problems[0]).toMatch(/^line 2 /);
    }
    // What comes after a line that a power loss tore is whole.
    writeFileSync(file, line.slice(0, 40));
    await start().stop();
    const { of, problems } = await readCheckpoints(file, keys);
    expect([of.get("sales")?.length, problems.length]).toEqual([1, 1]);
  });
});
