import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { createLexicon } from "../../../../core/safety/moderation/lexicon.ts";
import { pinyinDictionary } from "../../../../core/safety/moderation/pinyin-dictionary.ts";

it("is held by nobody once the terms are read", async () => {
  const pinyin = new WeakRef(pinyinDictionary().pinyin);
  createLexicon([{ id: "a", term: "毒品", action: "block", pinyin: true }], "test");
  expect(pinyinDictionary().pinyin).toBe(pinyin.deref());
  await setImmediate(); // a weak reference holds what it gave until then
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  expect(pinyin.deref()).toBeUndefined();
});
