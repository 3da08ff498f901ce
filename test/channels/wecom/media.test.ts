import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWecomClient, type WecomClient } from "../../../channels/wecom/client.ts";
import { render } from "../../../channels/wecom/render.ts";
import type { Card } from "../../../core/contract/card.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import { AttachmentError } from "../../../core/contract/errors.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";
import { wecomAppOf } from "../../fakes/wecom-app.ts";
import { startWecomCloud, type WecomCloud } from "../../fakes/wecom-cloud.ts";

let cloud: WecomCloud;
let state: ChannelState;
let client: WecomClient;

const clientAt = (apiBaseUrl: string, timeoutMs = 5_000): WecomClient =>
  createWecomClient({
    app: wecomAppOf(cloud.app, { api_base_url: apiBaseUrl }),
    fetch: globalThis.fetch,
    now: () => new Date(),
    random: () => 0.5,
    log: recordedLog(),
    timeoutMs,
    state,
  });

beforeEach(async () => {
  cloud = await startWecomCloud();
  state = memoryState();
  client = clientAt(cloud.apiBaseUrl);
});
afterEach(() => cloud.close());

const signal = new AbortController().signal;
const partOf = (
  body: string,
  more: { readonly id?: string; readonly cardToken?: string; readonly attempt?: number } = {},
) => ({
  id: more.id ?? "1.0",
  body,
  attempt: more.attempt ?? 1,
  isRepeat: false,
  target: {
    channel: "wechat_work",
    workspaceId: cloud.app.corpId,
    appId: cloud.app.agentId,
    address: "Tester",
    replyTo: "1",
    ...(more.cardToken !== undefined && { cardToken: more.cardToken }),
  },
});
const bodyOf = (reply: object) => render({ kind: "text", markdown: "", ...reply })[0] ?? "";
const report = { files: [{ name: "報告.csv", bytes: Buffer.from("a,b\n1,2\n") }] };

describe("a file that is sent", () => {
  it("arrives with its name and bytes, and is uploaded once however often it is sent", async () => {
    for (const id of ["1.0", "2.0"]) {
      expect(await client.send(partOf(bodyOf(report), { id }), signal)).toEqual({
        kind: "delivered",
      });
    }
    expect(cloud.uploads).toEqual([
      { name: "報告.csv", type: "file", bytes: Buffer.from("a,b\n1,2\n") },
    ]);
    expect(cloud.seen("Tester")).toMatchObject([{ kind: "file", text: "報告.csv" }]);
  });

  it("is uploaded again when the platform has forgotten it", async () => {
    await client.send(partOf(bodyOf(report)), signal);
    cloud.failNext("send", { errcode: 40007 });
    expect(await client.send(partOf(bodyOf(report), { id: "2.0" }), signal)).toEqual({
      kind: "delivered",
    });
    expect(cloud.uploads).toHaveLength(2);
  });

  it("is tried again later when its upload breaks off: nobody has seen anything", async () => {
    cloud.failNext("upload", { cut: "lost" });
    const outcome = await client.send(partOf(bodyOf(report)), signal);
    expect(outcome.kind).toBe("retry");
    expect(cloud.sendCalls).toEqual([]);
  });

  it("is refused when the platform refuses the upload, and says so", async () => {
    cloud.failNext("upload", { errcode: 40009 });
    const outcome = await client.send(partOf(bodyOf(report)), signal);
    expect(outcome).toMatchObject({ kind: "refused", reason: /media\/upload: errcode 40009/ });
  });
});

describe("a card that is sent", () => {
  const card: Card = {
    id: "c1",
    title: "Approve?",
    fields: [],
    buttons: [{ id: "yes", label: "Yes" }],
    selects: [],
  };

  it("is shown as a template card", async () => {
    await client.send(partOf(bodyOf({ card })), signal);
    expect(cloud.seen("Tester")).toMatchObject([{ kind: "template_card", text: "Approve?" }]);
  });

  it.each([
    [{}, "textcard"],
    [{ imageUrl: "https://a.example/1.png" }, "news"],
  ])("that only leads somewhere is a card for that: %j is %s", async (changes, kind) => {
    const link = { url: "https://a.example/1", label: "Open" };
    const leading = { ...card, ...changes, buttons: [], link };
    expect(await client.send(partOf(bodyOf({ card: leading })), signal)).toEqual({
      kind: "delivered",
    });
    expect(cloud.seen("Tester")).toMatchObject([{ kind, text: "Approve? https://a.example/1" }]);
  });

  it("in answer to a click takes the place of the card that was clicked", async () => {
    const cardToken = "one-use-code";
    expect(await client.send(partOf(bodyOf({ card }), { cardToken }), signal)).toEqual({
      kind: "delivered",
    });
    expect(cloud.cardChanges).toMatchObject([
      { response_code: cardToken, userids: ["Tester"], template_card: { task_id: "c1" } },
    ]);
    expect(cloud.seen("Tester")).toEqual([]);
  });

  it.each([
    [["tester"], "refused"],
    [[], "delivered"],
  ])("in answer to a click is not changed for whom WeCom lists: %j is %s", async (names, kind) => {
    cloud.failNext("update", { answer: { invaliduser: names } });
    const outcome = await client.send(partOf(bodyOf({ card }), { cardToken: "code" }), signal);
    expect(outcome).toMatchObject({ kind });
    if (kind === "refused") {
      const reason = "message/update_template_card: receiver is in invaliduser";
      expect(outcome).toMatchObject({ reason });
    }
  });

  describe("in answer to a click, tried again", () => {
    const change = (attempt: number, by = client) =>
      by.send(partOf(bodyOf({ card }), { cardToken: "one-use-code", attempt }), signal);

    it("is done where the answer to the try that did it was lost, whoever tries again", async () => {
      cloud.failNext("update", { cut: "shown" });
      expect(await change(1)).toMatchObject({ kind: "unknown" });
      const restarted = clientAt(cloud.apiBaseUrl);
      expect(await change(2, restarted)).toEqual({ kind: "delivered" });
      expect(cloud.cardChanges).toHaveLength(1);
    });

    it("is done by the next try where the request was lost", async () => {
      cloud.failNext("update", { cut: "lost" });
      expect(await change(1)).toMatchObject({ kind: "unknown" });
      expect(await change(2)).toEqual({ kind: "delivered" });
      expect(cloud.cardChanges).toHaveLength(1);
    });

    it("is refused where no earlier try can have done it", async () => {
      cloud.failNext("update", { errcode: -1 }, { errcode: 42014 });
      expect(await change(1)).toMatchObject({ kind: "retry" });
      expect(await change(2)).toMatchObject({ kind: "refused" });
    });

    it("waits while the store is away that knows of earlier tries", async () => {
      const away = async () => Promise.reject(new Error("store away"));
      const { putIfAbsent } = state;
      const kept = (key: string, ...more: [string, number]) =>
        key.startsWith("card-change/") ? away() : putIfAbsent(key, ...more);
      state = { ...state, putIfAbsent: kept };
      expect(await change(1, clientAt(cloud.apiBaseUrl))).toMatchObject({ kind: "retry" });
      expect(cloud.cardChanges).toHaveLength(0);
    });
  });
});

describe("a file that somebody sent", () => {
  const bytesOf = async (mediaId: string, from = client): Promise<Buffer> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await from.openMedia(mediaId, signal)) chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  const reasonOf = async (bytes: Promise<unknown>) => {
    const error = await bytes.catch((cause: unknown) => cause);
    if (!(error instanceof AttachmentError)) throw new Error(`no AttachmentError: ${error}`);
    return error.reason;
  };
  /** A client of an API that answers media/get like this. */
  const answering = async (
    listener: RequestListener,
    use: (from: WecomClient) => Promise<void>,
    timeoutMs?: number,
  ) => {
    const server = createServer((request, response) => {
      if (!request.url?.startsWith("/cgi-bin/gettoken")) return listener(request, response);
      response.end(JSON.stringify({ errcode: 0, access_token: "t", expires_in: 7200 }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await use(clientAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeoutMs));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  it("is read when it is opened, byte for byte", async () => {
    const bytes = Buffer.from([0, 255, 1, 2, 3, 4]);
    const mediaId = cloud.keep({ name: "a.bin", type: "file", bytes });
    expect(await bytesOf(mediaId)).toEqual(bytes);
  });

  it("is expired when the platform has forgotten it, although that comes with HTTP 200", async () => {
    expect(await reasonOf(bytesOf("gone"))).toBe("expired");
  });

  it.each([42001, 40014, 40001])(
    "is opened with a new token where the platform has withdrawn the old one early, errcode %i",
    async (errcode) => {
      const mediaId = cloud.keep({ name: "a.bin", type: "file", bytes: Buffer.from("bytes") });
      cloud.failNext("get", { errcode });
      expect(String(await bytesOf(mediaId))).toBe("bytes");
      expect(cloud.tokenCalls).toHaveLength(2);
      cloud.failNext("get", { errcode }, { errcode });
      expect(await reasonOf(bytesOf(mediaId))).toBe("unreachable");
    },
  );

  it.each(["text/plain; charset=utf-8", "text/html", "application/json"])(
    "of the type %s is a file where it has a name, else an error",
    async (type) => {
      const headers = { "content-type": type };
      const name = { "content-disposition": 'attachment; filename="notes"' };
      await answering(
        (_, response) => response.writeHead(200, { ...headers, ...name }).end('{"errcode":1}'),
        async (from) => expect(String(await bytesOf("x", from))).toBe('{"errcode":1}'),
      );
      await answering(
        (_, response) => response.writeHead(200, headers).end('{"errcode":48002}'),
        async (from) => expect(await reasonOf(bytesOf("x", from))).toBe("refused"),
      );
    },
  );

  it("can be asked for again when the platform is busy", async () => {
    cloud.failNext("get", { errcode: -1 });
    expect(await reasonOf(bytesOf("x"))).toBe("unreachable");
  });

  it("is refused when the platform says anything else", async () => {
    cloud.failNext("get", { errcode: 48002 });
    expect(await reasonOf(bytesOf("x"))).toBe("refused");
    cloud.failNext("get", { http: 502 });
    expect(await reasonOf(bytesOf("x"))).toBe("refused");
  });

  it("of an endless length ends at the cap, whatever its header says", async () => {
    await answering(
      (_, response) => {
        response.writeHead(200, { "content-type": "image/png" });
        const flood = () => {
          while (response.write(Buffer.alloc(1 << 20)));
          response.once("drain", flood);
        };
        flood();
      },
      async (from) => expect(await reasonOf(bytesOf("x", from))).toBe("too_large"),
    );
  });

  it.each<[string, RequestListener]>([
    ["never comes", () => {}],
    [
      "comes byte by byte",
      (_, response) => {
        response.writeHead(200, { "content-type": "image/png" });
        const timer = setInterval(() => response.write("x"), 10);
        response.once("close", () => clearInterval(timer));
      },
    ],
    [
      "breaks off",
      (_, response) => {
        response.writeHead(200, { "content-type": "image/png", "content-length": 9 });
        response.write("x", () => response.destroy());
      },
    ],
    [
      "is an error that never ends",
      (_, response) => {
        response.writeHead(200, { "content-type": "application/json" }).write("{");
      },
    ],
  ])("that %s is not waited for any longer", async (_what, listener) => {
    await answering(
      listener,
      async (from) => expect(await reasonOf(bytesOf("x", from))).toBe("unreachable"),
      200,
    );
  });

  it("is not fetched from where a redirect points to", async () => {
    await answering(
      (_, response) => response.writeHead(302, { location: cloud.apiBaseUrl }).end(),
      async (from) => expect(await reasonOf(bytesOf("x", from))).toBe("refused"),
    );
    expect(cloud.tokenCalls).toEqual([]);
  });

  it("keeps the token out of what is said when there is no connection", async () => {
    await answering(
      (_, response) => response.destroy(),
      async (from) => {
        const error = await bytesOf("x", from).catch((cause: unknown) => cause);
        expect(error).toBeInstanceOf(AttachmentError);
        expect(`${(error as Error).stack} ${(error as Error).cause}`).not.toContain("access_token");
      },
    );
  });
});
