import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeApiKey, parseApiKey } from "../../../core/operators/api-key-text.ts";

const tenantIds = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);

describe("an API key's text", () => {
  it("says whose it is, whatever the tenant is called", () => {
    fc.assert(
      fc.property(fc.oneof(tenantIds, fc.constant("_platform")), (tenantId) => {
        const { id, key } = makeApiKey(tenantId);
        expect(parseApiKey(key)).toEqual({ tenantId, id });
      }),
    );
  });

  it("has one reading for a tenant that is called like a part of a key", () => {
    const inner = makeApiKey("a").id;
    const { id, key } = makeApiKey(`x_${inner}_0`);
    expect(parseApiKey(key)).toEqual({ tenantId: `x_${inner}_0`, id });
  });

  it("is recognisable, and random each time", () => {
    const keys = Array.from({ length: 100 }, () => makeApiKey("sales").key);
    expect(new Set(keys).size).toBe(100);
    for (const key of keys) expect(key).toMatch(/^clawgate_sales_[0-9a-f]{16}_[0-9a-f]{64}$/);
  });

  it("is not found in anything else", () => {
    fc.assert(fc.property(fc.string(), (text) => parseApiKey(text) === undefined));
    const { key } = makeApiKey("sales");
    for (const text of [` ${key}`, `${key}\n`, key.toUpperCase(), key.slice(0, -1), `${key}0`]) {
      expect(parseApiKey(text)).toBeUndefined();
    }
  });
});
