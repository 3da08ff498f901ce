import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import type { Locale, ModelMessage, Tool } from "../../../core/contract/model.ts";
import { fittingTool } from "../../../core/models/fit.ts";
import { createRulesProvider } from "../../../core/models/rules.ts";
import { loadCatalogue } from "../../../skills/catalogue.ts";
import { DEFAULT_SHAPE } from "../../../skills/shape.ts";
import { processorMs } from "../../fakes/processor-time.ts";

let tools: readonly Tool[] = [];
beforeAll(async () => {
  const { skills } = await loadCatalogue(["skills/bundled"]);
  tools = [...skills.values()].map(({ name, description }) => ({
    name,
    description,
    parameters: DEFAULT_SHAPE,
  }));
  expect(tools.map(({ name }) => name).sort()).toEqual(["calculator", "csv-summary"]);
});

const provider = createRulesProvider("rules");

const ask = (messages: readonly ModelMessage[], offered = tools, locale: Locale = "en") =>
  provider.generate(
    { model: "", instructions: "", messages, tools: offered, locale },
    new AbortController().signal,
  );

const user = (text: string): ModelMessage => ({ role: "user", text });

const CALCULATIONS = [
  "what is 12% of 340",
  "What is 12% of 340?",
  "3*4",
  "3 x 4",
  "0.1+0.2",
  "2^10",
  "100/0",
  "7 mod 3",
  "-5 + 3",
  "2 to the power of 10",
  "square root of 144",
  "sum of 3, 4 and 5",
  "average of 10, 20 and 60",
  "340 plus 5%",
  "what percent of 340 is 40.8",
  "increase 80 by 15%",
  "how much is 15 percent of 80?",
  "$1,200 * 3",
  "NT$ 500 + 5%",
  "€20 / 4",
  "1,234,567 + 1,000,000",
  "days between 2026-01-01 and 2026-03-01",
  "2026-03-01 + 45 days",
  "what weekday is 2026-05-04",
  "１２×３",
  "340的12%是多少",
  "340 增加 5%",
  "340 打 85 折",
  "3加5等於多少",
  "3加5等于多少",
  "10除以4",
  "9的平方根",
  "請問 12 ÷ 4 是多少？",
  "幫我算一下 (3+4)*5",
  "帮我算一下 (3+4)*5",
  "2026年1月1日到3月1日有幾天",
  "2026年1月1日到3月1日有几天",
  "2026-05-04 是星期几",
];

const TABLES = [
  "name,amount\nAda,12\nBo,30",
  "summarise this:\nname;date\nA;2026-01-01\nB;2026-02-02",
  "please analyze\n\na\tb\n1\t2\n3\t4\n",
  "| a | b |\n|---|---|\n| 1 | 2 |",
  'id,note\r\n1,"a, b"\r\n2,"c, d"\r\n',
  "date,percent,sum\n2026-01-01,12%,3+4\n2026-01-02,13%,5*6",
  "幫我整理這個表格：\n姓名,金額\n小明,12\n小華,30",
  "帮我分析数据\n姓名,金额\n小明,12%\n小华,30%",
  "summarise this csv for me",
  "分析這個表格",
  "分析这个表格",
];

const SMALL_TALK = [
  "",
  " \n ",
  "hello",
  "Hi there!",
  "good morning, how are you today?",
  "tell me a joke",
  "who are you?",
  "what can you do",
  "thanks!",
  "Hi Bob, thanks\nBest, Alice",
  "I have 2 cats",
  "meet me at 5",
  "my birthday is in 3 days",
  "I need a date for dinner",
  "write me a poem about the sea",
  "the table in the kitchen is broken",
  "translate this to Chinese: good night",
  "see https://example.com/a,b,c",
  "你好",
  "早安",
  "謝謝，辛苦了",
  "講個笑話",
  "讲个笑话",
  "你會做什麼",
  "今天天氣怎麼樣",
  "今天天气怎么样",
  "請問你是誰",
  "幫我訂會議室",
  "我下週請假三天",
  "什麼是人工智慧？",
];

describe("which skill fits", () => {
  it.each(CALCULATIONS)("calculates %j", (text) => {
    expect(fittingTool(text, tools)?.name).toBe("calculator");
  });

  it.each(TABLES)("summarises %j", (text) => {
    expect(fittingTool(text, tools)?.name).toBe("csv-summary");
  });

  it.each(SMALL_TALK)("finds nothing that fits %j", (text) => {
    expect(fittingTool(text, tools)).toBeUndefined();
  });

  it.each([
    ["calculator: hello", "calculator"],
    ["calculator", "calculator"],
    ["Use CSV-Summary 3*4", "csv-summary"],
    ["use the calculator for this\na,b\n1,2\n3,4", "calculator"],
    ["please run csv-summary on 12% of 340", "csv-summary"],
    ["/csv-summary 3*4", "csv-summary"],
    ["`calculator` a,b\n1,2\n3,4", "calculator"],
    ["請用 csv-summary 3*4", "csv-summary"],
    ["用calculator：a,b\n1,2\n3,4", "calculator"],
  ])("obeys the name in %j", (text, name) => {
    expect(fittingTool(text, tools)?.name).toBe(name);
  });

  it("takes the longest of two names that begin alike", () => {
    const both = ["csv", "csv-summary"].map((name) => ({ name, description: "", parameters: {} }));
    expect(fittingTool("use csv-summary", both)?.name).toBe("csv-summary");
    expect(fittingTool("use csv", both)?.name).toBe("csv");
  });

  it("chooses by description, whatever the skills are called", () => {
    const renamed = tools.map((tool) => ({
      ...tool,
      name: tool.name === "calculator" ? "b" : "a",
    }));
    expect(fittingTool("what is 12% of 340", renamed)?.name).toBe("b");
    expect(fittingTool("name,amount\nAda,12\nBo,30", renamed)?.name).toBe("a");
  });

  it("chooses with a single skill on offer as well", () => {
    const only = tools.filter(({ name }) => name === "calculator");
    expect(fittingTool("12% of 340", only)?.name).toBe("calculator");
    expect(fittingTool("tell me a joke", only)).toBeUndefined();
  });

  it("does not depend on the order in which skills are offered", () => {
    const reversed = [...tools].reverse();
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(fittingTool(text, reversed)?.name).toBe(fittingTool(text, tools)?.name);
      }),
    );
  });

  it.each([
    ["one word", "a"],
    ["one number", "1"],
    ["cells", "a,"],
    ["thousands", "123,"],
    ["spaced digits", "1 "],
    ["rows", "a,b\n"],
    ["quotes", '"'],
    ["Han", "中"],
    ["blanks", " "],
    ["brackets", "(1+"],
    ["call words", "use "],
    ["addresses", "http://"],
    ["marks", "\u0301"],
    ["accents", "e\u0301"],
  ])("reads 60 KB of %s in linear time", (_name, unit) => {
    const timeOf = (size: number): number => {
      const text = unit.repeat(size / unit.length);
      return processorMs(() => fittingTool(text, tools));
    };
    timeOf(6_000);
    // Quadratic work would take a hundred times as long; 40 leaves room for a busy machine.
    const small = Math.max(0.2, Math.min(timeOf(6_000), timeOf(6_000), timeOf(6_000)));
    const large = Math.min(timeOf(60_000), timeOf(60_000), timeOf(60_000));
    expect(large).toBeLessThan(40 * small);
  });
});

describe("the provider", () => {
  it("hands the user's words to the skill unchanged", async () => {
    const text = "  what is 12% of 340\u0007 \n";
    const turn = await ask([user(text)]);
    expect(turn.toolCalls).toHaveLength(1);
    expect(turn.toolCalls[0]?.name).toBe("calculator");
    expect(JSON.parse(turn.toolCalls[0]?.argumentsJson ?? "")).toEqual({ text });
  });

  it("gives the same turn for the same request", async () => {
    expect(await ask([user("3*4")])).toEqual(await ask([user("3*4")]));
  });

  const afterTool = (text: string) =>
    ask([
      user("3*4"),
      {
        role: "assistant",
        text: "",
        toolCalls: [{ id: "1", name: "calculator", argumentsJson: "{}" }],
      },
      { role: "tool", callId: "1", text },
    ]);

  it("answers with the text that the skill gave", async () => {
    const turn = await afterTool('{"text":"3 × 4 = **12**","more":1}');
    expect(turn).toMatchObject({ text: "3 × 4 = **12**", toolCalls: [] });
  });

  it.each([
    ['{"sum":12}', '```\n{\n  "sum": 12\n}\n```'],
    ['{"text":12}', '```\n{\n  "text": 12\n}\n```'],
    ["[1]", "```\n[\n  1\n]\n```"],
    ["not json", "```\nnot json\n```"],
    ['{"a":"```"}', '````\n{\n  "a": "```"\n}\n````'],
  ])("shows the output %j in a code block", async (output, shown) => {
    expect((await afterTool(output)).text).toBe(shown);
  });

  it.each([
    ["en", "- **calculator**: Calculates exactly with numbers"],
    ["zh-Hant", "- **calculator**: 精確計算數字"],
    ["zh-Hans", "- **calculator**: 精确计算数字"],
  ] as const)("says in %s what it can do when nothing fits", async (locale, line) => {
    const { text, toolCalls } = await ask([user("hello")], tools, locale);
    expect(toolCalls).toEqual([]);
    expect(text).toContain(line);
    expect(text).toContain("- **csv-summary**: ");
    expect(text.split("\n")).toHaveLength(3);
  });

  it.each(["en", "zh-Hant", "zh-Hans"] as const)(
    "says in %s that there are no skills",
    async (locale) => {
      const { text } = await ask([user("3*4")], [], locale);
      expect(text).not.toContain("- ");
      expect(text.length).toBeGreaterThan(5);
    },
  );

  it("does not call a skill that needs more than a text", async () => {
    const parameters = { ...DEFAULT_SHAPE, required: ["text", "account"] };
    const turn = await ask(
      [user("3*4")],
      tools.map((tool) => ({ ...tool, parameters })),
    );
    expect(turn.toolCalls).toEqual([]);
  });
});
