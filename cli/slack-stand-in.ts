import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** Slack's Web API as far as an answer to one person needs it. */
export interface SlackStandIn {
  /** The messages as they are once it has been quiet for `quietMs`; undefined when there are none in time. */
  collect(deadline: AbortSignal, quietMs: number): Promise<readonly string[] | undefined>;
  /** The form that was opened; undefined when none was in time. */
  openedForm(deadline: AbortSignal): Promise<SlackForm | undefined>;
  close(): Promise<void>;
}

export interface SlackScene {
  readonly teamId: string;
  readonly botUserId: string;
  readonly userId: string;
}

/** A modal, as `views.open` was given it. */
export type SlackForm = Readonly<Record<string, unknown>>;

interface Shown {
  text: string;
  isGrowing: boolean;
}

const MAX_BODY_BYTES = 1024 * 1024;
const LOOK_MS = 25;

/** Listens where the settings look for Slack; undefined when somebody else does already. */
export const startSlackStandIn = async (
  base: URL,
  scene: SlackScene,
): Promise<SlackStandIn | undefined> => {
  const shown = new Map<string, Shown>();
  let changedAt = performance.now();
  let posted = 0;
  let form: SlackForm | undefined;

  const change = (args: URLSearchParams, edit: (message: Shown) => void): object => {
    const message = shown.get(args.get("ts") ?? "");
    if (!message) return { ok: false, error: "message_not_found" };
    edit(message);
    changedAt = performance.now();
    return { ok: true, channel: args.get("channel"), ts: args.get("ts") };
  };
  const post = (args: URLSearchParams, text: string, isGrowing: boolean): object => {
    posted += 1;
    const ts = `${Math.floor(Date.now() / 1000)}.${String(posted).padStart(6, "0")}`;
    shown.set(ts, { text, isGrowing });
    changedAt = performance.now();
    return { ok: true, channel: args.get("channel"), ts, message: { ts } };
  };

  const answer = (method: string, args: URLSearchParams): object => {
    const { teamId, botUserId } = scene;
    switch (method) {
      case "auth.test":
        return { ok: true, team_id: teamId, user_id: botUserId, bot_id: "B0SIMULATED" };
      case "users.info":
        return { ok: true, user: { id: args.get("user"), team_id: teamId, real_name: "tester" } };
      case "chat.postMessage":
        return post(args, wordsOf(args), false);
      case "chat.startStream":
        return post(args, wordsOf(args), true);
      case "chat.appendStream":
        return change(args, (message) => {
          message.text += wordsOf(args);
        });
      case "chat.stopStream":
        return change(args, (message) => {
          message.text += wordsOf(args);
          message.isGrowing = false;
        });
      case "chat.update":
        return change(args, (message) => {
          message.text = wordsOf(args);
        });
      case "chat.delete":
        shown.delete(args.get("ts") ?? "");
        return { ok: true };
      case "conversations.open":
        return { ok: true, channel: { id: `D${args.get("users")?.slice(1) ?? ""}` } };
      case "conversations.history":
      case "conversations.replies":
        return { ok: true, messages: [], has_more: false };
      case "views.open":
        form = JSON.parse(args.get("view") ?? "{}") as SlackForm;
        return { ok: true, view: form };
      case "assistant.threads.setStatus":
      case "assistant.threads.setSuggestedPrompts":
        return { ok: true };
      default:
        return { ok: false, error: "unknown_method" };
    }
  };

  const server = createServer((request, response) => {
    void serve(request, response, base.pathname, answer, (text) =>
      post(new URLSearchParams(), text, false),
    );
  });
  const isListening = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(Number(base.port || 80), base.hostname.replace(/^\[|\]$/g, ""), () =>
      resolve(true),
    );
  });
  if (!isListening) return undefined;

  return {
    collect: async (deadline, quietMs) => {
      for (;;) {
        const messages = [...shown.values()];
        const isWhole = messages.length > 0 && messages.every(({ isGrowing }) => !isGrowing);
        if (isWhole && performance.now() - changedAt >= quietMs)
          return messages.map(({ text }) => text);
        // What has begun is heard to its end.
        if (deadline.aborted && messages.length === 0) return undefined;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    },
    openedForm: async (deadline) => {
      while (form === undefined && !deadline.aborted) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
      return form;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

const serve = async (
  request: IncomingMessage,
  response: ServerResponse,
  basePath: string,
  answer: (method: string, args: URLSearchParams) => object,
  respond: (text: string) => void,
): Promise<void> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return void response.destroy();
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString("utf8");
  const path = request.url ?? "";
  if (path === RESPONSE_PATH) {
    respond(textOf(body));
    response.end("ok");
    return;
  }
  const folder = basePath.endsWith("/") ? basePath : `${basePath}/`;
  const method = path.startsWith(folder) ? path.slice(folder.length) : "";
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer(method, new URLSearchParams(body))));
};

/** Where answers to a command may go; at the origin of the settings' API. */
export const RESPONSE_PATH = "/simulated-response";

/** What is said by a call; what grows comes in chunks. */
const wordsOf = (args: URLSearchParams): string => {
  const chunks = readList(args.get("chunks")).map(({ text }) =>
    typeof text === "string" ? text : "",
  );
  return `${args.get("text") ?? ""}${args.get("markdown_text") ?? ""}${chunks.join("")}`;
};

const readList = (json: string | null): readonly Readonly<Record<string, unknown>>[] => {
  const list: unknown = json === null ? [] : JSON.parse(json);
  return Array.isArray(list) ? list : [];
};

const textOf = (json: string): string => {
  const { text } = JSON.parse(json) as { readonly text?: unknown };
  return typeof text === "string" ? text : "";
};
