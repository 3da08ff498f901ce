import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { STAYS_OPEN } from "./stays-open.ts";

/** What a request to the stand-in looked like. */
interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** The parsed JSON body. */
  readonly body: Record<string, unknown>;
}

/** How the stand-in treats one request. */
export type Behaviour =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "calls"; readonly calls: readonly { name: string; arguments: unknown }[] }
  /** A completion, or anything else, sent as it is. */
  | { readonly kind: "json"; readonly body: unknown; readonly status?: number }
  /** Server-sent events with these objects; `[DONE]` follows unless it is cut. */
  | { readonly kind: "stream"; readonly chunks: readonly unknown[]; readonly isCut?: boolean }
  | { readonly kind: "raw"; readonly body: string | Buffer; readonly contentType?: string }
  | { readonly kind: "redirect"; readonly location: string }
  /** Takes the request and never answers. */
  | { readonly kind: "hang" }
  /** Sends headers and half a body, then nothing more. */
  | { readonly kind: "stall" }
  /** Cuts the connection instead of answering. */
  | { readonly kind: "drop" };

export interface OpenAiServer {
  /** For `base_url`, ends in `/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly SeenRequest[];
  /** When callers hung up before they had their answer, epoch milliseconds. */
  readonly hungUpAt: readonly number[];
  /** The next requests get these, in order; after that the default answers. */
  script(...behaviours: readonly Behaviour[]): void;
  /** What requests get that no script covers. A function sees the request and may wait. */
  otherwise(
    behaviour: Behaviour | ((request: SeenRequest) => Promise<Behaviour> | Behaviour),
  ): void;
  /** Resolves when so many requests have arrived since the start. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts a stand-in for an OpenAI-compatible server on a free loopback port; says `ok` by default. */
export const startOpenAiServer = async (): Promise<OpenAiServer> => {
  const requests: SeenRequest[] = [];
  const hungUpAt: number[] = [];
  const script: Behaviour[] = [];
  let waiters: { readonly count: number; readonly resolve: () => void }[] = [];
  let fallback: (request: SeenRequest) => Promise<Behaviour> | Behaviour = () => ({
    kind: "text",
    text: "ok",
  });

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const seen: SeenRequest = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}"),
    };
    requests.push(seen);
    for (const waiter of waiters) if (requests.length >= waiter.count) waiter.resolve();
    waiters = waiters.filter((waiter) => requests.length < waiter.count);
    send(response, seen, script.shift() ?? (await fallback(seen)));
  };

  const server = createServer(STAYS_OPEN, (request, response) => {
    response.once("close", () => {
      if (!response.writableFinished) hungUpAt.push(Date.now());
    });
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    hungUpAt,
    script: (...behaviours) => void script.push(...behaviours),
    otherwise: (behaviour) => {
      fallback = typeof behaviour === "function" ? behaviour : () => behaviour;
    },
    arrived: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve();
        else waiters.push({ count, resolve });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const send = (response: ServerResponse, request: SeenRequest, behaviour: Behaviour): void => {
  const json = (body: unknown, status = 200) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (behaviour.kind === "text") json(completion(request, { content: behaviour.text }, "stop"));
  else if (behaviour.kind === "calls") {
    const toolCalls = behaviour.calls.map(({ name, arguments: given }, index) => ({
      id: `call_${index + 1}`,
      type: "function",
      function: { name, arguments: JSON.stringify(given) },
    }));
    json(completion(request, { content: null, tool_calls: toolCalls }, "tool_calls"));
  } else if (behaviour.kind === "json") json(behaviour.body, behaviour.status);
  else if (behaviour.kind === "raw") {
    response.writeHead(200, { "content-type": behaviour.contentType ?? "application/json" });
    response.end(behaviour.body);
  } else if (behaviour.kind === "stream") {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const chunk of behaviour.chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    response.end(behaviour.isCut ? "" : "data: [DONE]\n\n");
  } else if (behaviour.kind === "redirect") {
    response.writeHead(307, { location: behaviour.location }).end();
  } else if (behaviour.kind === "stall") {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"choices":');
  } else if (behaviour.kind === "drop") response.destroy();
};

/** A whole answer in the form of https://platform.openai.com/docs/api-reference/chat/object */
const completion = (request: SeenRequest, message: object, finishReason: string) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_700_000_000,
  model: request.body.model ?? "",
  choices: [
    {
      index: 0,
      message: { role: "assistant", refusal: null, ...message },
      logprobs: null,
      finish_reason: finishReason,
    },
  ],
  usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
});
