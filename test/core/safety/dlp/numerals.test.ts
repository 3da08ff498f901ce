import { describe, expect, it } from "vitest";
import { createDlp } from "../../../../core/safety/dlp/dlp.ts";

const dlp = createDlp();
const masked = (text: string): string => dlp.redact(text, dlp.inspect(text).entities);

describe("a number that was written in numerals", () => {
  it.each([
    ["手机一三八〇〇一三八〇〇〇找我", "手机[cn_mobile]找我"],
    ["幺三八零零幺三八零零零", "[cn_mobile]"],
    ["一三八 〇〇一三 八〇〇〇", "[cn_mobile]"],
    ["電話 零九一二三四五六七八", "電話 [tw_mobile]"],
    ["卡號肆壹壹壹-壹壹壹壹-壹壹壹壹-壹壹壹壹謝謝", "卡號[credit_card]謝謝"],
    ["身分證 A一二三四五六七八九", "身分證 [tw_id]"],
    ["身份证一一〇一〇五一九四九一二三一〇〇二X", "身份证[cn_resident_id]"],
    ["打 ①③⑧⓪⓪①③⑧⓪⓪⓪", "打 [cn_mobile]"],
    ["❶➂⑧⁰₀⑴⒊⑧000", "[cn_mobile]"],
    ["138零零138零零零", "[cn_mobile]"],
    ["card 4lll llll llll llll", "card [credit_card]"],
    ["card 4I11 11l1 1111 1111", "card [credit_card]"],
    ["DE8937O4OO44O532O13OOO", "[iban]"],
    ["09l2345678, O912345678", "[tw_mobile], [tw_mobile]"],
    ["card 4OOO OOOO OOOO OOO2, 41ll llll 1111 1111", "card [credit_card], [credit_card]"],
    ["身分證 A12345678g, Al23456789", "身分證 A12345678g, [tw_id]"],
    ["1\u20e33\u20e38\u20e30\u20e30\u20e31\u20e33\u20e38\u20e30\u20e30\u20e30", "[cn_mobile]"],
    ["1\u03363\u03368\u033600138000", "[cn_mobile]"],
  ])("is found: %s", (text, expected) => expect(masked(text)).toBe(expected));

  it.each([
    "二〇二六年十一月二十二日",
    "一、二、三、四、五、六、七、八、九、十都寫好了",
    "一三八〇元、一三八〇〇元",
    "第一、第三、第八名各兩位,一共〇〇七號",
    "料號 3O2l, lO2O3O",
    "OOOO llll OOOO llll",
  ])("is none: %s", (text) => expect(masked(text)).toBe(text));

  it("does not hide one in digits behind the sign of a list", () => {
    expect(masked("①13800138000 ②13900139000²")).toBe("①[cn_mobile] ②[cn_mobile]²");
  });

  it("does not hide one in digits that counts are next to", () => {
    expect(masked("卡號4111111111111111一張,0912345678二支")).toBe(
      "卡號[credit_card]一張,[tw_mobile]二支",
    );
  });

  it("leaves no stream before it is complete", () => {
    const stream = dlp.stream();
    const early = [..."身分證 A一二三四五六七八九"].map((char) => stream.push(char).text).join("");
    expect(early).not.toMatch(/[A一]/);
    expect(stream.push("。好的,").action).toBe("redact");
  });
});
