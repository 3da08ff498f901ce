import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ModelError } from "../../../core/contract/errors.ts";
import type { ModelRequest } from "../../../core/contract/model.ts";
import { createAnthropicProvider } from "../../../core/models/anthropic.ts";
import { type Behaviour, type OpenAiServer, startOpenAiServer } from "../../fakes/openai-server.ts";

const KEY = "sk-ant-very-secret";
const QUESTION = "what the user wrote in confidence";
const request: ModelRequest = {
  model: "claude-test",
  instructions: "Be brief.",
  messages: [{ role: "user", text: QUESTION }],
  tools: [],
  locale: "en",
};

let server: OpenAiServer;
let other: OpenAiServer;
beforeAll(async () => {
  server = await startOpenAiServer();
  other = await startOpenAiServer();
});
afterAll(async () => {
  await server.close();
  await other.close();
});

const usage = { input_tokens: 12, output_tokens: 5 };
const message = (content: readonly object[], more: object = {}): Behaviour => ({
  kind: "json",
  body: { type: "message", role: "assistant", content, stop_reason: "end_turn", usage, ...more },
});
const said = (text: string) => ({ type: "text", text });
beforeEach(() => server.otherwise(message([said("ok")])));

const provider = () =>
  createAnthropicProvider({
    name: "claude",
    baseUrl: server.baseUrl.replace(/\/v1$/, ""),
    apiKey: KEY,
  });
const ask = (behaviour: Behaviour, more: Partial<ModelRequest> = {}, signal?: AbortSignal) => {
  server.script(behaviour);
  return provider().generate({ ...request, ...more }, signal ?? new AbortController().signal);
};
const failureOf = async (turn: Promise<unknown>): Promise<ModelError> => {
  const error: unknown = await turn.catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ModelError);
  return error as ModelError;
};

describe("what is sent", () => {
  it("bears key, version, limit, instructions and functions", async () => {
    const parameters = { type: "object", properties: { text: { type: "string" } } };
    const tools = [{ name: "calculator", description: "Calculates.", parameters }];
    await ask(message([said("ok")]), { tools, maxOutputTokens: 99 });
    const seen = server.requests.at(-1);
    expect(seen).toMatchObject({
      ...{ method: "POST", path: "/v1/messages" },
      headers: { "x-api-key": KEY, "anthropic-version": "2023-06-01" },
    });
    expect(seen?.body).toEqual({
      ...{ model: "claude-test", max_tokens: 99, system: "Be brief." },
      messages: [{ role: "user", content: [said(QUESTION)] }],
      tools: [{ name: "calculator", description: "Calculates.", input_schema: parameters }],
    });
  });

  it("names a limit also when the tenant has none, since the API demands one", async () => {
    await ask(message([said("ok")]));
    expect(server.requests.at(-1)?.body.max_tokens).toBe(8192);
  });

  it("puts all that functions returned into one message after their calls", async () => {
    const call = (id: string, argumentsJson: string) => ({ id, name: "calc", argumentsJson });
    await ask(message([said("ok")]), {
      messages: [
        { role: "user", text: "2+2 and 3+3" },
        { role: "assistant", text: "", toolCalls: [call("a", '{"text":"2+2"}'), call("b", "[1")] },
        { role: "tool", callId: "a", text: "4" },
        { role: "tool", callId: "b", text: "6" },
      ],
    });
    expect(server.requests.at(-1)?.body.messages).toEqual([
      { role: "user", content: [said("2+2 and 3+3")] },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "a", name: "calc", input: { text: "2+2" } },
          { type: "tool_use", id: "b", name: "calc", input: {} },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "a", content: "4" },
          { type: "tool_result", tool_use_id: "b", content: "6" },
        ],
      },
    ]);
  });
});

describe("what comes back", () => {
  it("is the text, its thinking left out, with what was counted", async () => {
    const thinking = { type: "thinking", thinking: "hm", signature: "s" };
    const cached = { ...usage, cache_read_input_tokens: 100, cache_creation_input_tokens: 10 };
    expect(await ask(message([thinking, said("It is "), said("4.")], { usage: cached }))).toEqual({
      text: "It is 4.",
      toolCalls: [],
      usage: { inputTokens: 122, outputTokens: 5 },
    });
  });

  it("is calls", async () => {
    const input = { text: "2+2" };
    const block = { type: "tool_use", id: "toolu_1", name: "calculator", input };
    const turn = await ask(message([said("Let me see."), block], { stop_reason: "tool_use" }));
    expect(turn.toolCalls).toEqual([
      { id: "toolu_1", name: "calculator", argumentsJson: '{"text":"2+2"}' },
    ]);
  });

  it.each([
    ["no usage", undefined],
    ["a usage of nought", { input_tokens: 0, output_tokens: 0 }],
    ["a usage that says nothing", {}],
    ["counts below nought", { input_tokens: -9000, output_tokens: -9000 }],
    ["counts that are none", { input_tokens: "5", output_tokens: 5.5 }],
    ["a usage that is none", "cheap"],
  ])("attack: a server that reports %s, so that a budget is not used up", async (_what, none) => {
    // A token each, with the tokenizers of some vendors.
    const content = said("7".repeat(500));
    const chunks = [
      { type: "message_start", message: { usage: none } },
      { type: "content_block_start", index: 0, content_block: content },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: none },
      { type: "message_stop" },
    ];
    for (const turn of [
      await ask(message([content], { usage: none })),
      await ask({ kind: "stream", chunks, isCut: true }, { onText: () => {} }),
    ]) {
      expect(turn.usage.inputTokens).toBeGreaterThan(20);
      expect(turn.usage.outputTokens).toBeGreaterThanOrEqual(500);
    }
  });

  it("is marked where it was cut at the limit", async () => {
    const turn = await ask(message([said("half")], { stop_reason: "max_tokens" }));
    expect(turn.text).toBe("half…");
  });
});

const STREAM = [
  { type: "message_start", message: { usage: { input_tokens: 12, output_tokens: 1 } } },
  { type: "ping" },
  { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "It " } },
  { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "is." } },
  { type: "content_block_stop", index: 0 },
  {
    type: "content_block_start",
    index: 1,
    content_block: { type: "tool_use", id: "t1", name: "calculator", input: {} },
  },
  {
    type: "content_block_delta",
    index: 1,
    delta: { type: "input_json_delta", partial_json: '{"te' },
  },
  {
    type: "content_block_delta",
    index: 1,
    delta: { type: "input_json_delta", partial_json: 'xt":"1"}' },
  },
  { type: "content_block_stop", index: 1 },
  { type: "something_new", index: 7 },
  { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 9 } },
  { type: "message_stop" },
];
const stream = (chunks: readonly unknown[]): Behaviour => ({ kind: "stream", chunks, isCut: true });

describe("a stream", () => {
  it("shows the text as it grows, and ends as the whole message would have", async () => {
    const shown: string[] = [];
    const turn = await ask(stream(STREAM), { onText: (text) => void shown.push(text) });
    expect(server.requests.at(-1)?.body.stream).toBe(true);
    expect(shown).toEqual(["It ", "It is."]);
    expect(turn).toEqual({
      text: "It is.",
      toolCalls: [{ id: "t1", name: "calculator", argumentsJson: '{"text":"1"}' }],
      usage: { inputTokens: 12, outputTokens: 9 },
    });
  });

  it("keeps a count that its end has null for, and takes no count of its beginning for all", async () => {
    const counts = { input_tokens: null, cache_read_input_tokens: null, output_tokens: 9 };
    const ending = (usage: unknown) =>
      STREAM.map((event) => (event.type === "message_delta" ? { ...event, usage } : event));
    const usageOf = async (usage: unknown) =>
      (await ask(stream(ending(usage)), { onText: () => {} })).usage;
    expect(await usageOf(counts)).toEqual({ inputTokens: 12, outputTokens: 9 });
    expect((await usageOf(undefined)).outputTokens).toBeGreaterThan("It is.".length);
  });

  it.each([
    ["is cut in the middle", STREAM.slice(0, 5), /middle/],
    ["tells of an error", [STREAM[0], { type: "error", error: { message: QUESTION } }], /error/],
    ["has a part of nothing", [STREAM[0], STREAM[3], STREAM[12]], /never began/],
    ["has a call that is no JSON", [...STREAM.slice(0, 8), ...STREAM.slice(9)], /none/],
    ["is of something else", [{ hello: 1 }], /none/],
  ])("that %s is no answer", async (_name, chunks, words) => {
    const error = await failureOf(ask(stream(chunks), { onText: () => {} }));
    expect(error.code).toBe("MODEL_UNAVAILABLE");
    expect(error.isUnbilled).toBe(false);
    expect(error.message).toMatch(words);
    expect(error.message).not.toContain(QUESTION);
  });
});

describe("what went wrong", () => {
  const failed = (status: number): Behaviour => ({
    kind: "json",
    status,
    body: { type: "error", error: { message: `${KEY} ${QUESTION}` } },
  });

  it.each([401, 403, 404, 429, 500, 503, 529])(
    "with HTTP %d may go to another model",
    async (status) => {
      const error = await failureOf(ask(failed(status)));
      expect(error).toMatchObject({ code: "MODEL_UNAVAILABLE", isFinal: false, isUnbilled: true });
      expect(error.message).toBe(`asking claude (model claude-test) failed: HTTP ${status}`);
      expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(KEY);
    },
  );

  it.each([400, 413])("with HTTP %d may not", async (status) => {
    expect(await failureOf(ask(failed(status)))).toMatchObject({
      ...{ code: "MODEL_REFUSED", isFinal: true, isUnbilled: true },
    });
  });

  it("when the model declines may not, and may have been billed", async () => {
    expect(await failureOf(ask(message([], { stop_reason: "refusal" })))).toMatchObject({
      ...{ code: "MODEL_REFUSED", isUnbilled: false },
    });
  });

  it.each<[string, Behaviour]>([
    ["garbage", { kind: "raw", body: "<html>" }],
    ["an empty object", { kind: "json", body: {} }],
    ["an empty answer", message([])],
    [
      "a cut call",
      message([{ type: "tool_use", id: "1", name: "c", input: {} }], { stop_reason: "max_tokens" }),
    ],
    ["an endless answer", { kind: "raw", body: Buffer.alloc(9 * 1024 * 1024, " ") }],
    ["a dropped connection", { kind: "drop" }],
  ])("as %s is no answer, and may have been billed", async (_name, behaviour) => {
    expect(await failureOf(ask(behaviour))).toMatchObject({
      ...{ code: "MODEL_UNAVAILABLE", isUnbilled: false },
    });
  });

  it("does not follow a redirect, which could lead to another region", async () => {
    const before = other.requests.length;
    await failureOf(ask({ kind: "redirect", location: `${other.baseUrl}/messages` }));
    expect(other.requests).toHaveLength(before);
  });

  it("hands back why somebody called it off", async () => {
    const controller = new AbortController();
    const reason = new Error("/stop");
    const before = server.requests.length;
    const turn = ask({ kind: "hang" }, {}, controller.signal);
    await server.arrived(before + 1);
    controller.abort(reason);
    await expect(turn).rejects.toBe(reason);
  });
});
