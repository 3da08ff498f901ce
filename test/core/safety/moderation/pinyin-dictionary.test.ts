import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it, vi } from "vitest";
import { createLexicon } from "../../../../core/safety/moderation/lexicon.ts";
import { pinyinDictionary } from "../../../../core/safety/moderation/pinyin-dictionary.ts";

it("is held by nobody once the terms are read", async () => {
  const pinyin = new WeakRef(pinyinDictionary().pinyin);
  createLexicon([{ id: "a", term: "毒品", action: "block", pinyin: true }], "test");
  expect(pinyinDictionary().pinyin).toBe(pinyin.deref());
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // V8's compiler may hold it for a while.
  await vi.waitFor(
    () => {
      collect();
      expect(pinyin.deref() === undefined).toBe(true);
    },
    { timeout: 4_000 },
  );
});
