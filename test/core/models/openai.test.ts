import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ModelError } from "../../../core/contract/errors.ts";
import type { ModelRequest } from "../../../core/contract/model.ts";
import { createOpenAiProvider } from "../../../core/models/openai.ts";
import { type Behaviour, type OpenAiServer, startOpenAiServer } from "../../fakes/openai-server.ts";

const KEY = "sk-very-secret-0123456789";
const QUESTION = "what the user wrote in confidence";

const request: ModelRequest = {
  model: "test-model",
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
beforeEach(() => server.otherwise({ kind: "text", text: "ok" }));

const providerWith = (options: { apiKey?: string } = { apiKey: KEY }) =>
  createOpenAiProvider({
    name: "acme",
    baseUrl: server.baseUrl,
    outputLimitKey: "max_tokens",
    ...options,
  });

const ask = (behaviour: Behaviour, signal = new AbortController().signal) => {
  server.script(behaviour);
  return providerWith().generate(request, signal);
};

const completion = (choice: object, usage: unknown = undefined): Behaviour => ({
  kind: "json",
  body: { choices: [choice], usage },
});

// What a server may report that is no count of what it did.
const NO_USAGE: readonly (readonly [string, unknown])[] = [
  ["no usage", undefined],
  ["a usage of nought", { prompt_tokens: 0, completion_tokens: 0 }],
  ["a usage that says nothing", {}],
  ["a usage without our two counts", { total_tokens: 5 }],
  ["counts below nought", { prompt_tokens: -9000, completion_tokens: -9000 }],
  ["counts that are none", { prompt_tokens: "5", completion_tokens: 5.5 }],
  ["more than a number holds", { prompt_tokens: 1e18, completion_tokens: 1e300 }],
  ["a usage that is none", "cheap"],
];

const failureOf = async (turn: Promise<unknown>): Promise<ModelError> => {
  const error = await turn.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ModelError);
  return error as ModelError;
};

describe("what is sent", () => {
  it("sends instructions, history, tools, limit and key", async () => {
    const parameters = { type: "object", properties: { text: { type: "string" } } };
    await providerWith().generate(
      {
        ...request,
        messages: [
          { role: "user", text: "2+2" },
          {
            role: "assistant",
            text: "",
            toolCalls: [{ id: "c1", name: "calculator", argumentsJson: '{"text":"2+2"}' }],
          },
          { role: "tool", callId: "c1", text: '{"text":"4"}' },
        ],
        tools: [{ name: "calculator", description: "Calculates.", parameters }],
        maxOutputTokens: 99,
      },
      new AbortController().signal,
    );
    const seen = server.requests.at(-1);
    expect(seen?.path).toBe("/v1/chat/completions");
    expect(seen?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(seen?.body).toEqual({
      model: "test-model",
      max_tokens: 99,
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: "2+2" },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            {
              id: "c1",
              type: "function",
              function: { name: "calculator", arguments: '{"text":"2+2"}' },
            },
          ],
        },
        { role: "tool", tool_call_id: "c1", content: '{"text":"4"}' },
      ],
      tools: [
        {
          type: "function",
          function: { name: "calculator", description: "Calculates.", parameters },
        },
      ],
    });
  });

  it("sends no Authorization header without a key, whatever the environment holds", async () => {
    process.env.OPENAI_API_KEY = "sk-from-environment";
    try {
      await providerWith({}).generate(request, new AbortController().signal);
    } finally {
      delete process.env.OPENAI_API_KEY;
    }
    expect(server.requests.at(-1)?.headers).not.toHaveProperty("authorization");
  });
});

describe("what comes back", () => {
  it("reads an answer and its usage", async () => {
    expect(await ask({ kind: "text", text: "四十二" })).toEqual({
      text: "四十二",
      toolCalls: [],
      usage: { inputTokens: 11, outputTokens: 7 },
    });
  });

  it("reads tool calls", async () => {
    const turn = await ask({
      kind: "calls",
      calls: [{ name: "calculator", arguments: { text: "1+1" } }],
    });
    expect(turn.toolCalls).toEqual([
      { id: "call_1", name: "calculator", argumentsJson: '{"text":"1+1"}' },
    ]);
  });

  it("hands arguments that are no JSON on as they are, for the agent to refuse", async () => {
    const call = {
      id: "x",
      type: "function",
      function: { name: "calculator", arguments: "{oops" },
    };
    const turn = await ask(completion({ message: { content: null, tool_calls: [call] } }));
    expect(turn.toolCalls[0]?.argumentsJson).toBe("{oops");
  });

  it("bears a missing id and arguments that are an object", async () => {
    const call = { function: { name: "calculator", arguments: { text: "1" } } };
    const turn = await ask(completion({ message: { tool_calls: [call, call] } }));
    expect(turn.toolCalls.map(({ id }) => id)).toEqual(["call-1", "call-2"]);
    expect(turn.toolCalls[0]?.argumentsJson).toBe('{"text":"1"}');
  });

  it("shows a refusal of the model as its answer", async () => {
    const turn = await ask(
      completion({ message: { content: null, refusal: "I cannot do that." } }),
    );
    expect(turn.text).toBe("I cannot do that.");
  });

  it("marks an answer that was cut at the output limit", async () => {
    const turn = await ask(completion({ finish_reason: "length", message: { content: "half" } }));
    expect(turn.text).toBe("half…");
  });

  it.each(NO_USAGE)(
    "attack: a server that reports %s, so that a budget is not used up",
    async (_what, none) => {
      // A token each, with the tokenizers of some vendors.
      const content = "7".repeat(500);
      const { usage } = await ask(completion({ message: { content } }, none));
      expect(usage.inputTokens).toBeGreaterThan(20);
      expect(usage.outputTokens).toBeGreaterThanOrEqual(500);
    },
  );
});

describe("what fails", () => {
  const cut = { function: { name: "calculator", arguments: '{"te' } };
  const unavailable: readonly [string, Behaviour, RegExp][] = [
    [
      "an invalid key",
      { kind: "json", status: 401, body: { error: { message: KEY } } },
      /HTTP 401/,
    ],
    [
      "a rate limit",
      { kind: "json", status: 429, body: { error: { message: QUESTION } } },
      /HTTP 429/,
    ],
    ["a server error", { kind: "json", status: 500, body: {} }, /HTTP 500/],
    ["a dropped connection", { kind: "drop" }, /acme/],
    ["garbage", { kind: "raw", body: "<html>" }, /acme/],
    ["text instead of JSON", { kind: "raw", body: "hi", contentType: "text/plain" }, /none/],
    ["an empty object", { kind: "json", body: {} }, /none/],
    ["no choices", { kind: "json", body: { choices: [] } }, /none/],
    ["an empty answer", completion({ message: { content: "" } }), /empty/],
    ["no room for an answer", completion({ finish_reason: "length", message: {} }), /limit/],
    ["a cut call", completion({ finish_reason: "length", message: { tool_calls: [cut] } }), /cut/],
    ["a call without a function", completion({ message: { tool_calls: [{ id: "1" }] } }), /none/],
    ["a call without a name", completion({ message: { tool_calls: [{ function: {} }] } }), /none/],
    ["an endless answer", { kind: "raw", body: Buffer.alloc(9 * 1024 * 1024, " ") }, /bytes/],
  ];

  it.each(unavailable)("reports %s as unavailable", async (_name, behaviour, message) => {
    const error = await failureOf(ask(behaviour));
    expect(error.code).toBe("MODEL_UNAVAILABLE");
    expect(error.message).toMatch(message);
    expect(error.message).toContain("acme");
  });

  const refused: readonly (readonly [string, Behaviour, RegExp])[] = [
    ["a content filter", completion({ finish_reason: "content_filter", message: {} }), /filter/],
    ["a bad request", { kind: "json", status: 400, body: { error: QUESTION } }, /HTTP 400/],
    ["too long a request", { kind: "json", status: 413, body: {} }, /HTTP 413/],
    ["an input it cannot process", { kind: "json", status: 422, body: {} }, /HTTP 422/],
  ];

  it.each(refused)(
    "reports %s as refused, for no other model to try",
    async (_name, behaviour, message) => {
      const error = await failureOf(ask(behaviour));
      expect(error).toMatchObject({ code: "MODEL_REFUSED", isFinal: true });
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain(QUESTION);
    },
  );

  it("knows that what was refused by status, or never reached the server, costs nothing", async () => {
    const failed = { kind: "json", status: 503, body: {} } as const;
    expect((await failureOf(ask(failed))).isUnbilled).toBe(true);
    expect((await failureOf(ask({ kind: "drop" }))).isUnbilled).toBe(false);
    expect((await failureOf(ask({ kind: "raw", body: "<html>" }))).isUnbilled).toBe(false);
  });

  it.each(unavailable)("tells neither key nor text after %s", async (_name, behaviour) => {
    const error = await failureOf(ask(behaviour));
    const told = `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`;
    expect(told).not.toContain(KEY);
    expect(told).not.toContain(QUESTION);
  });

  it("reports a server that is not there by its system error", async () => {
    const gone = await startOpenAiServer();
    await gone.close();
    const provider = createOpenAiProvider({
      name: "acme",
      baseUrl: gone.baseUrl,
      outputLimitKey: "max_tokens",
    });
    const error = await failureOf(provider.generate(request, new AbortController().signal));
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("does not carry the text along when redirected", async () => {
    const error = await failureOf(
      ask({ kind: "redirect", location: `${other.baseUrl}/chat/completions` }),
    );
    expect(error.code).toBe("MODEL_UNAVAILABLE");
    expect(other.requests).toHaveLength(0);
  });

  it.each(["hang", "stall"] as const)("ends a %s with the caller's own reason", async (kind) => {
    const controller = new AbortController();
    const before = server.requests.length;
    const turn = ask({ kind }, controller.signal);
    const caught = turn.catch((cause: unknown) => cause);
    await server.arrived(before + 1);
    const reason = new ModelError("MODEL_TIMEOUT", "took too long");
    controller.abort(reason);
    expect(await caught).toBe(reason);
  });

  it("asks once: nothing is tried again behind the caller's back", async () => {
    const before = server.requests.length;
    await failureOf(ask({ kind: "json", status: 503, body: {} }));
    expect(server.requests.length).toBe(before + 1);
  });
});

describe("an answer that is watched as it grows", () => {
  const watch = async (behaviour: Behaviour) => {
    const seen: string[] = [];
    server.script(behaviour);
    const turn = await providerWith().generate(
      { ...request, onText: (text) => seen.push(text) },
      new AbortController().signal,
    );
    return { seen, turn };
  };
  const delta = (part: object, finish_reason: string | null = null) => ({
    choices: [{ index: 0, delta: part, finish_reason }],
  });
  const usage = { choices: [], usage: { prompt_tokens: 5, completion_tokens: 3 } };

  it("shows the whole text so far each time, and is the same answer in the end", async () => {
    const chunks = [
      delta({ role: "assistant" }),
      delta({ content: "你" }),
      delta({ content: "好" }),
    ];
    const { seen, turn } = await watch({
      kind: "stream",
      chunks: [...chunks, delta({}, "stop"), usage],
    });
    expect(seen).toEqual(["你", "你好"]);
    expect(turn).toEqual({
      text: "你好",
      toolCalls: [],
      usage: { inputTokens: 5, outputTokens: 3 },
    });
    expect(server.requests.at(-1)?.body).toMatchObject({ stream: true });
  });

  it.each(NO_USAGE)(
    "attack: a stream that ends with %s, so that a budget is not used up",
    async (_what, none) => {
      const chunks = [delta({ content: "7".repeat(500) }), delta({}, "stop")];
      const ending = { choices: [], usage: none };
      const { usage } = (await watch({ kind: "stream", chunks: [...chunks, ending] })).turn;
      expect(usage.inputTokens).toBeGreaterThan(20);
      expect(usage.outputTokens).toBeGreaterThanOrEqual(500);
    },
  );

  it("puts calls together that come in pieces", async () => {
    const call = (index: number, part: object) => delta({ tool_calls: [{ index, ...part }] });
    const { turn } = await watch({
      kind: "stream",
      chunks: [
        call(0, { id: "a", function: { name: "calculator", arguments: "" } }),
        call(1, { id: "b", function: { name: "echo", arguments: "{}" } }),
        call(0, { function: { arguments: '{"text":' } }),
        call(0, { function: { arguments: '"2+2"}' } }),
        delta({}, "tool_calls"),
      ],
    });
    expect(turn.toolCalls).toEqual([
      { id: "a", name: "calculator", argumentsJson: '{"text":"2+2"}' },
      { id: "b", name: "echo", argumentsJson: "{}" },
    ]);
  });

  it("takes a whole answer from a server that cannot stream", async () => {
    const { seen, turn } = await watch({ kind: "text", text: "all at once" });
    expect(turn.text).toBe("all at once");
    expect(seen).toEqual([]);
  });

  it.each([
    [
      "a stream that was cut",
      { kind: "stream", chunks: [delta({ content: "half" })], isCut: true },
    ],
    ["a stream without an end", { kind: "stream", chunks: [delta({ content: "half" })] }],
    [
      "an error in the stream",
      { kind: "stream", chunks: [delta({ content: "x" }), { error: { message: QUESTION } }] },
    ],
    ["a chunk that is none", { kind: "stream", chunks: [7] }],
  ] satisfies [string, Behaviour][])("does not take %s for an answer", async (_name, behaviour) => {
    const error = await failureOf(watch(behaviour));
    expect(error.code).toBe("MODEL_UNAVAILABLE");
    expect(error.message).not.toContain(QUESTION);
  });
});
