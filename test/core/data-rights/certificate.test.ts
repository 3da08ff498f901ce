import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSigningKey, verifyingKey } from "../../../core/audit/signing-key.ts";
import { certify, type Erasure, isCertified } from "../../../core/data-rights/certificate.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const ERASURE: Erasure = {
  ...{ kind: "erasure", tenant: "sales", person: "slack:T1:U7", at: "2026-03-01T00:00:00.000Z" },
  erased: { messages: 3, exchanges: 2 },
  kept: ["audit records"],
  audit: { seq: 47, hash: "9f2c" },
};
const keyNamed = (name: string) => openSigningKey(join(folder.path, `${name}.key`));
const publicOf = (name: string) => verifyingKey(keyNamed(name).publicPem, name);

describe("a certificate of erasure", () => {
  it("is certified by the key that signed it, in whatever order its fields come, and no other", () => {
    const certificate = certify(ERASURE, keyNamed("ours"));
    const { erased, ...rest } = certificate;
    const reordered = { ...rest, erased: { exchanges: 2, messages: erased.messages } };
    for (const value of [certificate, reordered, JSON.parse(JSON.stringify(certificate))]) {
      expect(isCertified(value, [publicOf("ours")])).toBe(true);
    }
    expect(isCertified(certificate, [publicOf("theirs")])).toBe(false);
    expect(isCertified(certificate, [])).toBe(false);
  });

  it("attack: no value of it can be changed", () => {
    const certificate = certify(ERASURE, keyNamed("ours"));
    const keys = [publicOf("ours")];
    const other = fc.oneof(fc.string(), fc.nat(), fc.constant(null), fc.array(fc.string()));
    const names = ["kind", "tenant", "person", "at", "kept", "signature"] as const;
    fc.assert(
      fc.property(fc.constantFrom(...names), other, (name, value) => {
        fc.pre(JSON.stringify(certificate[name]) !== JSON.stringify(value));
        expect(isCertified({ ...certificate, [name]: value }, keys)).toBe(false);
      }),
    );
    for (const change of [
      { erased: { messages: 4, exchanges: 2 } },
      { erased: { messages: 3 } },
      { erased: { messages: 3, exchanges: 2, more: 1 } },
      { audit: { seq: 48, hash: "9f2c" } },
      { audit: { seq: 47, hash: "9f2d" } },
      { person: null },
      { key: keyNamed("theirs").id },
      { signature: `${certificate.signature}\n` },
      { note: "nothing was kept" },
      { audit: { ...certificate.audit, isWhole: true } },
    ]) {
      expect(isCertified({ ...certificate, ...change }, keys)).toBe(false);
    }
  });

  it("is no value of another form, which is no fault either", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(isCertified(value, [publicOf("ours")])).toBe(false);
      }),
    );
  });
});
