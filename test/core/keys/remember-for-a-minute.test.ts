import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { rememberForAMinute } from "../../../core/keys/remember-for-a-minute.ts";

const digestOf = (text: string) => createHash("sha256").update(text).digest();

describe("what a text becomes", () => {
  let computed: string[];
  let become: (text: string) => Buffer;
  beforeEach(() => {
    vi.useFakeTimers();
    computed = [];
    become = rememberForAMinute((text) => {
      computed.push(text);
      return digestOf(text);
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("is computed once while it is remembered", () => {
    expect([become("a"), become("b"), become("a")]).toEqual([..."aba"].map(digestOf));
    expect(computed).toEqual(["a", "b"]);
  });

  it("is forgotten a minute after the first one, however late it came and often it is asked for", () => {
    become("a");
    vi.advanceTimersByTime(59_000);
    become("b");
    become("a");
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(vi.getTimerCount()).toBe(0);
    become("a");
    become("b");
    expect(computed).toEqual(["a", "b", "a", "b"]);
  });

  it("is not remembered of a text that is no name", () => {
    const long = "a".repeat(1_001);
    expect([become(long), become(long)]).toEqual([long, long].map(digestOf));
    expect(computed).toEqual([long, long]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is remembered of so many only, and computed for every other one", () => {
    for (let index = 0; index < 9_000; index += 1) become(`person ${index}`);
    computed.length = 0;
    for (let index = 0; index < 9_000; index += 1) {
      expect(become(`person ${index}`)).toEqual(digestOf(`person ${index}`));
    }
    expect(computed).toHaveLength(9_000 - 8_192);
  });
});
