import { describe, expect, it } from "vitest";
import { askSkill } from "../fakes/run-skill.ts";

const ask = (text: string, locale = "en") => askSkill("csv-summary", text, locale);

const SALES = `name,amount,date,paid
"Lee, Ada",12.5,2026-01-01,yes
Bo,30,2026-02-01,no
Cy,,2026-03-05,yes
Bo,7,2026-03-01,yes`;

const SUMMARY = `**4 rows × 4 columns**, first row taken as headings

- **name** (text): 4 filled, 3 distinct; most frequent Bo (2), Lee, Ada (1), Cy (1)
- **amount** (number): 3 filled, 1 empty, 3 distinct; min 7, median 12.5, max 30
- **date** (date): 4 filled, 4 distinct; min 2026-01-01, median 2026-02-15, max 2026-03-05
- **paid** (yes/no): 4 filled, 2 distinct; most frequent yes (3), no (1)`;

describe("a pasted table", () => {
  it.concurrent.each([
    ["as it is", SALES],
    ["with an introduction", `Hi, please summarise this:\n${SALES}`],
    ["with a greeting and thanks", `Hi, could you summarise this?\n\n${SALES}\n\nThanks, Bo`],
    ["behind the skill's name", `csv-summary: ${SALES}`],
    ["behind a call of the skill", `Use csv-summary on this\n${SALES}`],
    ["on the line of the request", `summarise this: ${SALES}`],
    ["after a Chinese request", `幫我整理這個表格：${SALES}`],
    ["with Windows line ends", SALES.replaceAll("\n", "\r\n")],
    ["with a line end at its end", `${SALES}\n\n`],
    [
      "as TSV",
      SALES.replaceAll('"Lee, Ada"', "Lee; Ada")
        .replaceAll(",", "\t")
        .replace("Lee; Ada", "Lee, Ada"),
    ],
  ])("is summarised %s", async (_name, text) => {
    expect(await ask(text)).toBe(SUMMARY);
  });

  it("may be a Markdown table", async () => {
    expect(await ask("| city | n |\n|:--|--:|\n| Taipei | 1 |\n| Osaka | 3 |")).toBe(
      `**2 rows × 2 columns**, first row taken as headings

- **city** (text): 2 filled, 2 distinct
- **n** (whole number): 2 filled, 2 distinct; min 1, median 2, max 3`,
    );
  });

  it("may be separated by semicolons, with commas inside", async () => {
    const text = await ask("a;b\nx, y;1\nz, w;2");
    expect(text).toContain("**2 rows × 2 columns**");
    expect(text).toContain("**b** (whole number)");
  });

  it("may have no headings", async () => {
    expect(await ask("1,2\n3,5")).toBe(
      `**2 rows × 2 columns**, no headings found

- **Column 1** (whole number): 2 filled, 2 distinct; min 1, median 2, max 3
- **Column 2** (whole number): 2 filled, 2 distinct; min 2, median 3.5, max 5`,
    );
  });

  it("may hold delimiters, quotes and line breaks inside quotes", async () => {
    const text = await ask('id,note\n1,"a ""b"", c\nd"\n2,e\n3,e');
    expect(text).toContain("**3 rows × 2 columns**");
    expect(text).toContain('most frequent e (2), a "b", c d (1)');
  });

  it("may hold a quote that never closes", async () => {
    const text = await ask('size,n\n5",1\n"7,2\n8,3');
    expect(text).toContain("**3 rows × 2 columns**");
    expect(text).toContain("**n** (whole number): 3 filled");
  });

  it("names rows that are too short or too long", async () => {
    expect(await ask("a,b,c\n1,2,3\n4,5\n6,7,8,9\n1,1,1")).toContain(
      "2 of the rows had more or fewer",
    );
  });
});

describe("types", () => {
  it.concurrent.each([
    ["1\n-2\n1,000,whole", "text"],
    ["1\n-2", "whole number"],
    ["1.0\n2", "number"],
    ["$1,200\n$300", "whole number"],
    ["12%\n3.5%", "number"],
    ["1e3\n2", "whole number"],
    ["007\n008", "text"],
    ["2026-01-01\n2026/2/3", "date"],
    ["2026年1月1日\n2026年2月3日", "date"],
    ["2026-01-01 10:00\n2026-01-02T11:30:00Z", "date"],
    ["2026-02-30\n2026-01-01", "text"],
    ["1/2/2026\n3/4/2026", "text"],
    ["true\nfalse", "yes/no"],
    ["是\n否", "yes/no"],
    ["1\nx", "text"],
    ["NaN\ninf", "text"],
  ])("of %j is %s", async (column, type) => {
    const rows = column.split("\n").map((cell, index) => `k${index}\t${cell}`);
    expect(await ask(`key\tvalue\n${rows.join("\n")}`)).toContain(`(${type})`);
  });

  it("keeps all digits and the percent sign", async () => {
    expect(await ask("k,v\na,0.1%\nb,0.2%")).toContain("min 0.1%, median 0.15%, max 0.2%");
    expect(await ask("k,v\na,12345678901234567890\nb,1")).toContain("max 12345678901234567890");
  });

  it("names a column without a value", async () => {
    expect(await ask("a,b\n1,\n2,")).toContain("- **b** (empty): 0 filled, 2 empty, 0 distinct");
  });
});

describe("what it shows", () => {
  it("does not let a cell format the answer", async () => {
    const text = await ask("name,n\n**bold**,1\n**bold**,2\n[x](http://e),3");
    expect(text).toContain("\\*\\*bold\\*\\* (2)");
    expect(text).toContain("\\[x\\](http://e)");
  });

  it("leaves names such as unit_price alone", async () => {
    expect(await ask("unit_price,n\n1,2\n3,4")).toContain("**unit_price**");
  });

  it("cuts what is long", async () => {
    const text = await ask(`name,n\n${"x".repeat(500)},1\n${"x".repeat(500)},2`);
    expect(text).toContain(`${"x".repeat(40)}… (2)`);
  });

  it("lists 30 columns and counts the others", async () => {
    const row = Array.from({ length: 40 }, (_, index) => index).join(",");
    const text = await ask(`${row}\n${row}`);
    expect(text.match(/^- /gm)).toHaveLength(31);
    expect(text).toContain("and 10 more columns");
  });

  it.concurrent.each([
    [
      "zh-Hant",
      "**2 列 × 2 欄**，第一列視為標題",
      "- **n** (整數)：有值 2，相異值 2；最小 1，中位數 2，最大 3",
    ],
    [
      "zh-Hans",
      "**2 行 × 2 列**，第一行视为标题",
      "- **n** (整数)：有值 2，不同值 2；最小 1，中位数 2，最大 3",
    ],
  ])("is said in %s", async (locale, head, line) => {
    const text = await ask("k,n\na,1\nb,3", locale);
    expect(text.split("\n")[0]).toBe(head);
    expect(text).toContain(line);
  });
});

describe("what is no table", () => {
  it.concurrent.each(["", "hello", "hello, world", "a,b", "one line\nanother line", "1\n2\n3"])(
    "%j gets an example of one",
    async (text) => {
      expect(await ask(text)).toMatch(/^I found no table in that/);
    },
  );

  it.concurrent.each([
    ["rows", "1,2\n".repeat(20_001)],
    ["columns", `${",".repeat(100)}\n${",".repeat(100)}`.replaceAll(",", "1,")],
    ["characters in a cell", `a,b\n${"x".repeat(10_001)},1\ny,2`],
  ])("too many %s get a refusal", async (_name, text) => {
    expect(await ask(text)).toMatch(/too large/);
  });
});
