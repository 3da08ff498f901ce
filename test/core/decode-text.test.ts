import { describe, expect, it } from "vitest";
import { decodeText } from "../../core/decode-text.ts";

// As such files hold them, in base64: Node can read these encodings and write none of them.
const BIG5: readonly (readonly [text: string, base64: string])[] = [
  [
    "報表:第三季度的銷售額，王小明，電話 02-2345-6789\r\n客戶名單與金額如下。",
    "s/iq7TqyxKRUqXWr16q6vlCw4sNCoUGk/aRwqfqhQblxuNwgMDItMjM0NS02Nzg5DQqryKThplez5rtQqvfDQqZwpFWhQw==",
  ],
  ["品名,數量\r\n筆記本,12\r\n原子筆,300\r\n", "q36mVyy8xrZxDQq1p7BPpbssMTINCq3spGy1pywzMDANCg=="],
];
const GB18030: readonly (readonly [text: string, base64: string])[] = [
  [
    "报表：第三季度的销售额，王小明，电话 010-12345678\r\n客户名单和金额如下。",
    "saix7aO6tdrI/by+tsi1xM/6ytu27qOszfXQocP3o6y157uwIDAxMC0xMjM0NTY3OA0Kv827p8P7taW6zb3wtu7I58/CoaM=",
  ],
  ["品名,数量\r\n笔记本,12\r\n圆珠笔,300\r\n", "xrfD+yzK/cG/DQqxyrzHsb4sMTINCtSy1umxyiwzMDANCg=="],
  ["朱镕基说：龘", "1uzpRrv5y7Wjuv2T"],
  ["你", "xOM="],
];
const bytesOf = (base64: string): Uint8Array => Buffer.from(base64, "base64");

describe("a text file of unknown encoding", () => {
  it.each(["plain", "中文 mixed 😀", ""])("is read as UTF-8: %s", (text) => {
    expect(decodeText(Buffer.from(text))).toBe(text);
    expect(decodeText(Buffer.from(`\ufeff${text}`))).toBe(text);
  });

  it("is read as UTF-16 behind its mark, in both orders", () => {
    const little = Buffer.from("\ufeff第一行\r\nsecond", "utf16le");
    expect(decodeText(little)).toBe("第一行\r\nsecond");
    expect(decodeText(Buffer.from(little).swap16())).toBe("第一行\r\nsecond");
  });

  it.each(GB18030)("is read as GB 18030: %s", (text, base64) => {
    expect(decodeText(bytesOf(base64))).toBe(text);
  });

  it.each(BIG5)("is read as Big5: %s", (text, base64) => {
    expect(decodeText(bytesOf(base64))).toBe(text);
  });

  it.each([
    [
      "a picture",
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    ],
    ["a compressed file", "H4sIAAAAAAAAA8tIzcnJVyjPL8pJAQCFEUoNCwAAAA=="],
    ["a text cut within a character", "xOPK"],
    ["half a unit of UTF-16", "//5h"],
  ])("is none: %s", (_, base64) => expect(decodeText(bytesOf(base64))).toBeUndefined());
});
