import { describe, expect, it } from "vitest";
import { type DialectName, statement } from "../../../core/store/statement.ts";

interface Key {
  readonly channel: string;
  readonly key: string;
}

const byKey = statement<Key>(["channel"])((db, arg) =>
  db
    .selectFrom("inbox")
    .select("id")
    .where("channel", "=", arg("channel"))
    .where("key", "=", arg("key")),
);

describe.each<DialectName>(["sqlite", "postgres"])("a statement with words, in %s", (dialect) => {
  it("has them in its text and binds the rest", () => {
    const { sql, parameters } = byKey.bind(dialect, { channel: "wechat_work", key: "m-1" });
    expect(sql).toContain(`"channel" = 'wechat_work'`);
    expect(parameters).toEqual(["m-1"]);
  });

  it("has a text for each word, whatever came in between", () => {
    const texts = ["slack", "discord", "slack", ""].map(
      (channel) => byKey.bind(dialect, { channel, key: channel }).sql,
    );
    expect(texts[2]).toBe(texts[0]);
    expect(new Set(texts).size).toBe(3);
  });

  it("refuses what somebody may have written", () => {
    for (const channel of ["it's", "two words", "a\0", "\ud800", "x".repeat(65), undefined]) {
      const args = { channel, key: "m-1" } as Key;
      expect(() => byKey.bind(dialect, args)).toThrow(RangeError);
    }
  });
});
