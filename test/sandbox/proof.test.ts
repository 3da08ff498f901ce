import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createProofs, type PassedProbe, type ProofOptions } from "../../sandbox/proof.ts";

const PROBE: PassedProbe = {
  ok: true,
  version: "20240729",
  platform: "systrap",
  strength: { wall: "kernel in user space", unenforced: [], sees: ["exec"] },
};

let stateFolder: string;
let program: string;
beforeEach(() => {
  stateFolder = mkdtempSync(join(tmpdir(), "clawgate-proof-"));
  program = join(stateFolder, "runsc");
  writeFileSync(program, "an engine");
});
afterEach(() => rmSync(stateFolder, { recursive: true, force: true }));

const proofs = (more: Partial<ProofOptions> = {}) =>
  createProofs({
    stateFolder,
    context: { isolation: "gvisor" },
    programsOf: () => [program],
    now: () => 1000,
    ...more,
  });
const file = () => join(stateFolder, "proofs", "gvisor.json");

describe("the proof that an engine passed", () => {
  it("is found by the next process for ten minutes, not before and not after", () => {
    expect(proofs().find("gvisor")).toBeUndefined();
    proofs().keep("gvisor", PROBE);
    expect(proofs().find("gvisor")).toEqual(PROBE);
    expect(proofs({ now: () => 1599 }).find("gvisor")).toEqual(PROBE);
    expect(proofs({ now: () => 1600 }).find("gvisor")).toBeUndefined();
    expect(proofs({ now: () => 999 }).find("gvisor")).toBeUndefined();
    expect(proofs().find("bubblewrap")).toBeUndefined();
  });

  it("does not hold for other settings, a changed program or one that is gone", () => {
    proofs().keep("gvisor", PROBE);
    expect(proofs({ context: { isolation: "auto" } }).find("gvisor")).toBeUndefined();
    writeFileSync(`${program}.new`, "an engine");
    renameSync(`${program}.new`, program);
    expect(proofs().find("gvisor")).toBeUndefined();
    rmSync(program);
    expect(proofs().find("gvisor")).toBeUndefined();
  });

  it("is not kept for an engine that is no program of this machine", () => {
    const elsewhere = proofs({ programsOf: () => [] });
    elsewhere.keep("openshell", PROBE);
    expect(elsewhere.find("openshell")).toBeUndefined();
  });

  it("is forgotten when told so, and there need not be one", () => {
    proofs().keep("gvisor", PROBE);
    proofs().forget("gvisor");
    proofs().forget("gvisor");
    expect(proofs().find("gvisor")).toBeUndefined();
    expect(readdirSync(join(stateFolder, "proofs"))).toEqual([]);
  });

  it("withstands a forged proof in a folder or file that others can write", () => {
    proofs().keep("gvisor", PROBE);
    chmodSync(file(), 0o666);
    expect(proofs().find("gvisor")).toBeUndefined();
    chmodSync(file(), 0o600);
    expect(proofs().find("gvisor")).toEqual(PROBE);
    chmodSync(join(stateFolder, "proofs"), 0o777);
    expect(proofs().find("gvisor")).toBeUndefined();
  });

  it("withstands a link in the place of the proof", () => {
    proofs().keep("gvisor", PROBE);
    renameSync(file(), `${file()}.moved`);
    symlinkSync(`${file()}.moved`, file());
    expect(proofs().find("gvisor")).toBeUndefined();
  });

  it("withstands a proof of an earlier boot of the machine, and what is no proof", () => {
    proofs().keep("gvisor", PROBE);
    const kept = JSON.parse(readFileSync(file(), "utf8"));
    const write = (text: string) => writeFileSync(file(), text);
    write(JSON.stringify({ ...kept, key: "0".repeat(64) }));
    expect(proofs().find("gvisor")).toBeUndefined();
    for (const text of ["", "null", "[]", "{", '{"key":1}']) {
      write(text);
      expect(proofs().find("gvisor")).toBeUndefined();
    }
  });
});
