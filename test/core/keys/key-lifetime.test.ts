import { describe, expect, it } from "vitest";
import { isDue, renewalOf } from "../../../core/keys/key-lifetime.ts";

const madeAt = new Date("2026-03-01T00:00:00Z");
const renewAt = renewalOf(madeAt);

describe("a data key", () => {
  it("serves 30 days", () => {
    expect(isDue({ renewAt, seals: 0 }, new Date("2026-03-30T23:59:59Z"))).toBe(false);
    expect(isDue({ renewAt, seals: 0 }, new Date("2026-03-31T00:00:00Z"))).toBe(true);
  });

  it("seals a sixteenth of what random nonces allow, per process", () => {
    expect(isDue({ renewAt, seals: 2 ** 32 / 16 - 1 }, madeAt)).toBe(false);
    expect(isDue({ renewAt, seals: 2 ** 32 / 16 }, madeAt)).toBe(true);
  });
});
