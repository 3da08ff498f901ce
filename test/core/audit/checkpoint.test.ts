import fc from "fast-check";
import { expect, it } from "vitest";
import {
  type Checkpoint,
  isSigned,
  parseCheckpoint,
  signCheckpoint,
} from "../../../core/audit/checkpoint.ts";
import { openSigningKey, verifyingKey } from "../../../core/audit/signing-key.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const checkpoint: Checkpoint = {
  ...{ kind: "checkpoint", tenant: "sales", seq: 4711, hash: "9f".repeat(32) },
  at: "2026-03-01T09:05:00.000Z",
};
const signed = () => {
  const key = openSigningKey(`${folder.path}/signing.key`);
  const keys = [verifyingKey(key.publicPem, "test")];
  const counts = (line: string): boolean => {
    const read = parseCheckpoint(line);
    return read !== undefined && keys.some(({ id }) => id === read.key) && isSigned(read, keys);
  };
  return { line: JSON.stringify(signCheckpoint(checkpoint, key)), counts };
};

it("attack: any byte of a checkpoint changed, and it vouches for nothing", () => {
  const { line, counts } = signed();
  expect(counts(line)).toBe(true);
  const bytes = Buffer.from(line);
  const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }));
  const isFound = (place: number, bits: number): boolean => {
    const changed = Buffer.from(bytes);
    changed[place] = (changed[place] ?? 0) ^ bits;
    return !counts(String(changed));
  };
  fc.assert(
    fc.property(change, ([place, bits]) => isFound(place, bits)),
    { numRuns: 300 },
  );
  // The end of the signature, where base64 has bits that no byte needs.
  for (let place = bytes.length - 6; place < bytes.length; place++) {
    for (let bits = 1; bits < 256; bits++)
      expect(isFound(place, bits), `${place} ${bits}`).toBe(true);
  }
});

it("attack: what was written beside what is signed makes it none", () => {
  const { line, counts } = signed();
  expect(counts(line.replace("{", '{"note":"whole",'))).toBe(false);
  expect(counts(line.replace('=="', '==\\n"'))).toBe(false);
  expect(counts(line.replace('=="', '"'))).toBe(false);
});
