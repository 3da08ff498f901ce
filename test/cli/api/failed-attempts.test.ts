import { describe, expect, it } from "vitest";
import { createFailedAttempts } from "../../../cli/api/failed-attempts.ts";

const setUp = () => {
  const time = { ms: 0 };
  return { time, attempts: createFailedAttempts(() => new Date(time.ms)) };
};

describe("failed attempts", () => {
  it("make an address wait after ten within a minute, until the first is a minute old", () => {
    const { time, attempts } = setUp();
    for (let n = 0; n < 9; n++) attempts.add("192.0.2.1");
    time.ms = 59_000;
    expect(attempts.waitMs("192.0.2.1")).toBe(0);
    attempts.add("192.0.2.1");
    expect(attempts.waitMs("192.0.2.1")).toBe(1_000);
    time.ms = 60_000;
    expect(attempts.waitMs("192.0.2.1")).toBe(0);
  });

  it("of one address are not another's", () => {
    const { attempts } = setUp();
    for (let n = 0; n < 20; n++) attempts.add("192.0.2.1");
    expect(attempts.waitMs("192.0.2.2")).toBe(0);
  });

  it("attack: changing the address within one's own IPv6 network does not help", () => {
    const { attempts } = setUp();
    for (let n = 0; n < 10; n++) attempts.add(`2001:db8:0:7::${n}`);
    for (const address of ["2001:db8:0:7:ffff::1", "2001:0db8:0000:0007:1:2:3:4"]) {
      expect(attempts.waitMs(address)).toBe(60_000);
    }
    expect(attempts.waitMs("2001:db8:0:8::1")).toBe(0);
    expect(attempts.waitMs("::1")).toBe(0);
  });

  it("attack: a crowd of addresses takes no more than so much memory", () => {
    const { attempts } = setUp();
    for (let n = 0; n < 10; n++) attempts.add("192.0.2.1");
    for (let n = 0; n < 10_000; n++) attempts.add(`10.0.${n >> 8}.${n & 255}`);
    // The one that failed longest ago was forgotten.
    expect(attempts.waitMs("192.0.2.1")).toBe(0);
  });
});
