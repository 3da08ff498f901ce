import { expect, it } from "vitest";
import type { ResolvedProvider } from "../../../config/providers.ts";
import { ModelError } from "../../../core/contract/errors.ts";
import type { ModelRequest } from "../../../core/contract/model.ts";
import { createProvider } from "../../../core/models/create.ts";
import { startOpenAiServer } from "../../fakes/openai-server.ts";

const request: ModelRequest = {
  model: "m",
  instructions: "",
  messages: [{ role: "user", text: "hello" }],
  tools: [],
  maxOutputTokens: 5,
  locale: "en",
};

const ask = (resolved: Omit<ResolvedProvider, "region">) =>
  createProvider({ region: "on-prem", ...resolved }).generate(
    request,
    new AbortController().signal,
  );

it.each([
  ["a missing key", { wire: "openai", needsKey: true, baseUrl: "http://127.0.0.1:1" }, /api_key/],
  [
    "an empty key",
    { wire: "openai", needsKey: true, baseUrl: "http://127.0.0.1:1", apiKey: "" },
    /api_key/,
  ],
  ["a missing address", { wire: "openai", needsKey: false }, /base_url/],
] as const)("refuses every turn for %s and says why", async (_name, rest, message) => {
  const error: unknown = await ask({ name: "acme", kind: "anthropic", ...rest }).catch(
    (cause) => cause,
  );
  expect(error).toBeInstanceOf(ModelError);
  expect(error).toMatchObject({
    code: "MODEL_UNAVAILABLE",
    message: expect.stringMatching(message),
  });
});

it("builds the providers that need no network", async () => {
  const builtIn = { needsKey: false } as const;
  expect((await ask({ name: "e", kind: "echo", wire: "echo", ...builtIn })).text).toBe("hello");
  expect((await ask({ name: "r", kind: "rules", wire: "rules", ...builtIn })).text).toMatch(
    /skill/,
  );
});

it("names the output limit as the server of that kind knows it", async () => {
  const server = await startOpenAiServer();
  try {
    const shared = { wire: "openai", baseUrl: server.baseUrl, needsKey: false } as const;
    await ask({ name: "a", kind: "openai", ...shared });
    await ask({ name: "b", kind: "deepseek", ...shared });
    expect(server.requests[0]?.body).toMatchObject({ max_completion_tokens: 5 });
    expect(server.requests[1]?.body).toMatchObject({ max_tokens: 5 });
  } finally {
    await server.close();
  }
});
