import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createWebhookListener } from "../../channels/http.ts";
import { createWecomAdapter } from "../../channels/wecom/adapter.ts";
import { registerSimulate } from "../../cli/simulate.ts";
import type { ChannelAdapter, Receipt } from "../../core/contract/channel.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import type { Answer } from "../../core/contract/reply.ts";
import { selfSigned } from "../fakes/certificate.ts";
import { memoryState } from "../fakes/channel-state.ts";
import { freePort } from "../fakes/free-port.ts";
import { recordedLog } from "../fakes/log.ts";
import { wecomAppOf } from "../fakes/wecom-app.ts";
import { newCloudApp } from "../fakes/wecom-cloud.ts";

const cloudApp = newCloudApp();
let folder: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "clawgate-simulate-"));
});

afterEach(async () => {
  if (server) {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    server = undefined;
  }
  rmSync(folder, { recursive: true });
});

/** What the gateway does with a message: answer in the response, or send parts, or nothing. */
type Behaviour = (message: InboundMessage, adapter: ChannelAdapter) => Receipt;

const inline =
  (body: string): Behaviour =>
  () => ({ isNew: true, inlineReply: async () => ({ body, settled: () => {} }) });

const sending =
  (body: string, pauseMs = 0): Behaviour =>
  (message, adapter) => {
    const sendAll = async () => {
      const parts = adapter.render({ kind: "text", markdown: body });
      for (const [place, part] of parts.entries()) {
        if (place > 0) await delay(pauseMs);
        const outbound = {
          id: `1.${place}`,
          target: message.target,
          body: part,
          attempt: 1,
          isRepeat: place > 0,
        };
        await adapter.send(outbound, new AbortController().signal);
      }
    };
    return {
      isNew: true,
      inlineReply: async () => {
        setImmediate(() => void sendAll());
        return undefined;
      },
    };
  };

/** A gateway as far as simulate can see it: the real webhook server and the real adapter. */
const notFound: RequestListener = (_, response) => void response.writeHead(404).end();

const startGateway = async (
  behaviour: Behaviour,
  options: { readonly tls?: { cert: string; key: string }; readonly apiBaseUrl?: string } = {},
): Promise<{ readonly settings: string; readonly received: readonly InboundMessage[] }> => {
  const apiBaseUrl = options.apiBaseUrl ?? `http://127.0.0.1:${await freePort()}`;
  const app = wecomAppOf(cloudApp, { api_base_url: apiBaseUrl });
  const adapter = createWecomAdapter({
    apps: [app],
    log: recordedLog(),
    now: () => new Date(),
    state: memoryState(),
  });
  const received: InboundMessage[] = [];
  await adapter.start(async (message) => {
    received.push(message);
    return behaviour(message, adapter);
  });
  const webhookOptions = { log: recordedLog(), onRejected: () => {} };
  const listener = createWebhookListener([adapter], webhookOptions, notFound);
  server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { settings: writeSettings(port, apiBaseUrl, options.tls !== undefined), received };
};

const writeSettings = (port: number, apiBaseUrl: string, isTls = false, changes = {}): string => {
  const file = join(folder, "settings.json");
  const { corp_id, agent_id, secret, token, encoding_aes_key, webhook_path } = wecomAppOf(cloudApp);
  const wechat_work = {
    ...{ corp_id, agent_id, secret, token, encoding_aes_key, webhook_path },
    api_base_url: apiBaseUrl,
    ...changes,
  };
  const tls = { cert_file: "cert.pem", key_file: "key.pem" };
  const settings = { server: { port, ...(isTls && { tls }) }, channels: { wechat_work } };
  writeFileSync(file, JSON.stringify(settings));
  return file;
};

/** Runs the verb as the command line would. */
const simulate = async (...args: string[]) => {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = new PassThrough().on("data", (chunk) => out.push(String(chunk)));
  const stderr = new PassThrough().on("data", (chunk) => err.push(String(chunk)));
  let code: number | undefined;
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: (text) => err.push(text) });
  registerSimulate(program, { stdout, stderr, env: {}, cwd: folder }, (exit) => {
    code = exit;
  });
  try {
    await program.parseAsync(["simulate", "wecom", ...args], { from: "user" });
  } catch (error) {
    return { code: 2, stdout: out.join(""), stderr: `${err.join("")}${error}` };
  }
  return { code, stdout: out.join(""), stderr: err.join("") };
};

const json = async (...args: string[]) => {
  const result = await simulate(...args, "--json");
  expect(result.stdout).toMatch(/^[^\n]+\n$/);
  return { ...result, json: JSON.parse(result.stdout) as Record<string, unknown> };
};

describe("simulate wecom", () => {
  it("prints the decrypted passive reply and how it arrived", async () => {
    const { settings, received } = await startGateway(inline("40.8"));
    const { code, stdout } = await simulate("what is 12% of 340", "--settings", settings);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^40\.8\n[\s\S]*passive reply[\s\S]*\d+ ms\n$/);
    expect(received[0]).toMatchObject({
      content: { kind: "text", text: "what is 12% of 340" },
      sender: { id: "tester" },
    });
  });

  it("prints one JSON line", async () => {
    const { settings } = await startGateway(inline("40.8\n]]>"));
    const result = await json("hi", "--settings", settings, "--user", "Li.Si");
    expect(result.code).toBe(0);
    const { ms, ...rest } = result.json;
    expect(rest).toEqual({ answer: "40.8\n]]>", via: "passive", status: 200 });
    expect(ms).toEqual(expect.any(Number));
  });

  it("takes what comes by message/send", async () => {
    const { settings } = await startGateway(sending("later"));
    const result = await json("hi", "--settings", settings);
    expect(result.code).toBe(0);
    expect(result.json).toMatchObject({ answer: "later", via: "message_send", status: 200 });
  });

  it("joins the parts of a long answer", async () => {
    const answer = "One sentence of a long answer. ".repeat(400);
    const { settings } = await startGateway(sending(answer));
    const result = await json("hi", "--settings", settings);
    expect(result.json).toMatchObject({ answer, via: "message_send" });
  });

  it("hears an answer that has begun to its end, also after the timeout", async () => {
    const answer = "x".repeat(5_000);
    const { settings } = await startGateway(sending(answer, 500));
    const result = await json("hi", "--settings", settings, "--timeout", "0.3");
    expect(result.code).toBe(0);
    expect(result.json).toMatchObject({ answer, via: "message_send" });
  });

  it("sends any text as it is", async () => {
    const text = " ]]> <xml>&amp; 你好\n👩‍👩‍👧 ";
    const { settings, received } = await startGateway(inline("ok"));
    await simulate(text, "--settings", settings);
    expect(received[0]?.content).toEqual({ kind: "text", text });
  });

  it("ends with 1 and the code when the answer is a refusal", async () => {
    const { settings } = await startGateway(inline("Not for your team. [SKILL_NOT_ALLOWED]"));
    const result = await json("hi", "--settings", settings);
    expect(result.code).toBe(1);
    expect(result.json).toMatchObject({ code: "SKILL_NOT_ALLOWED", via: "passive" });
  });

  it("takes other words in brackets for what they are: the end of an answer", async () => {
    const { settings } = await startGateway(inline("It is on the list. [TO_DO]"));
    const result = await json("hi", "--settings", settings);
    expect(result.code).toBe(0);
    expect(result.json).not.toHaveProperty("code");
  });

  it.each([
    ["no XML", "<html>hello</html>"],
    ["XML that nobody signed", "<xml><Encrypt>aGVsbG8=</Encrypt></xml>"],
  ])("ends with 1 and a reason when something else answers: %s", async (_name, body) => {
    server = createServer((request, response) => request.resume() && response.end(body));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const settings = writeSettings(port, `http://127.0.0.1:${await freePort()}`);
    const result = await json("hi", "--settings", settings);
    expect(result.code).toBe(1);
    expect(result.json).toMatchObject({ answer: null, status: 200, code: "REPLY_UNREADABLE" });
    expect(result.stderr).toContain("not this gateway");
  });

  it("ends with 1 when no answer comes in time", async () => {
    const silent: Behaviour = () => ({ isNew: true, inlineReply: async () => undefined });
    const { settings } = await startGateway(silent);
    const result = await json("hi", "--settings", settings, "--timeout", "0.2");
    expect(result.code).toBe(1);
    expect(result.json).toMatchObject({ answer: null, via: null, status: 200, code: "TIMED_OUT" });
    expect(result.stderr).toContain("--timeout");
  });

  it("says how to start a gateway that is not running", async () => {
    const settings = writeSettings(await freePort(), `http://127.0.0.1:${await freePort()}`);
    const result = await json("hi", "--settings", settings);
    expect(result.code).toBe(1);
    expect(result.json).toMatchObject({ answer: null, status: null, code: "GATEWAY_NOT_RUNNING" });
    expect(result.stderr).toContain(`clawgate start --settings ${settings}`);
  });

  it("says so when the gateway runs with other credentials", async () => {
    const { settings } = await startGateway(inline("ok"));
    const text = readFileSync(settings, "utf8");
    writeFileSync(settings, text.replace(cloudApp.token, newCloudApp().token));
    const result = await json("hi", "--settings", settings);
    expect(result.code).toBe(1);
    expect(result.json).toMatchObject({ status: 403, code: "CALLBACK_REFUSED" });
    expect(result.stderr).toMatch(/other credentials than .*, or by another clock/);
  });

  it("waits for the passive reply only when the API is elsewhere, and says so", async () => {
    const apiBaseUrl = "https://qyapi.weixin.qq.com";
    const { settings } = await startGateway(inline("ok"), { apiBaseUrl });
    const result = await json("hi", "--settings", settings);
    expect(result.json).toMatchObject({ answer: "ok", via: "passive" });
    expect(result.stderr).toContain("https://qyapi.weixin.qq.com");
  });

  it("says what to do when the API's port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const apiBaseUrl = `http://127.0.0.1:${(taken.address() as AddressInfo).port}`;
    const { settings, received } = await startGateway(inline("ok"), { apiBaseUrl });
    const result = await json("hi", "--settings", settings, "--timeout", "0.3");
    taken.close();
    expect(result.code).toBe(1);
    expect(result.json).toMatchObject({ code: "API_PORT_BUSY" });
    expect(result.stderr).toContain("another");
    expect(received).toEqual([]);
  });

  it("lets two simulations take turns", async () => {
    const { settings } = await startGateway(sending("later"));
    const both = [json("a", "--settings", settings), json("b", "--settings", settings)];
    for (const result of await Promise.all(both)) {
      expect(result.json).toMatchObject({ answer: "later", via: "message_send" });
    }
  });

  it.each([
    [["hi", "--user", "@all"], "--user"],
    [["hi", "--timeout", "soon"], "--timeout"],
    [["hi", "--timeout", "0"], "--timeout"],
    [[""], "TEXT"],
    [[], "text"],
    [["hi", "--settings", "/nowhere/settings.json"], "/nowhere/settings.json"],
    [["hi", "--colour"], "--colour"],
  ])("ends %j with 2", async (args, named) => {
    const settings = writeSettings(1, "http://127.0.0.1:1");
    const hasSettings = args.includes("--settings");
    const result = await simulate(...args, ...(hasSettings ? [] : ["--settings", settings]));
    expect(result.code).toBe(2);
    expect(result.stdout).toBe("");
    expect(result.stderr).toContain(named);
  });

  it("ends with 2 when the settings have no WeCom app, or no port", async () => {
    const settings = writeSettings(1, "http://127.0.0.1:1", false, { enabled: false });
    expect((await simulate("hi", "--settings", settings)).code).toBe(2);
    expect((await simulate("hi", "--settings", writeSettings(0, "http://127.0.0.1:1"))).code).toBe(
      2,
    );
  });
});

describe("simulate wecom over TLS", () => {
  it("talks to the one who has the certificate of the settings", async () => {
    const tls = selfSigned("gateway.example");
    const { settings } = await startGateway(inline("ok"), { tls });
    writeFileSync(join(folder, "cert.pem"), tls.cert);
    writeFileSync(join(folder, "key.pem"), tls.key);
    const result = await json("hi", "--settings", settings);
    expect(result.json).toMatchObject({ answer: "ok", via: "passive" });
  });

  it("says nothing to one who has another", async () => {
    const tls = selfSigned("gateway.example");
    const { settings, received } = await startGateway(inline("ok"), { tls });
    const other = selfSigned("gateway.example");
    writeFileSync(join(folder, "cert.pem"), other.cert);
    writeFileSync(join(folder, "key.pem"), other.key);
    const result = await json("hi", "--settings", settings);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("certificate");
    expect(received).toEqual([]);
  });
});

/** Sends this reply through the API, whatever comes. */
const replying =
  (reply: Answer): Behaviour =>
  (message, adapter) => ({
    isNew: true,
    inlineReply: async () => {
      setImmediate(async () => {
        for (const [place, body] of adapter.render(reply).entries()) {
          const part = {
            id: `1.${place}`,
            target: message.target,
            body,
            attempt: 1,
            isRepeat: false,
          };
          const send = () => adapter.send(part, new AbortController().signal);
          if ((await send()).kind !== "delivered") await send();
        }
      });
      return undefined;
    },
  });

describe("simulate wecom of every kind", () => {
  it.each([
    [["--kind", "image"], { kind: "text", attachments: [{ kind: "image" }] }],
    [["hi", "--kind", "voice"], { kind: "text", text: "hi", attachments: [{ kind: "voice" }] }],
    [["--kind", "video"], { kind: "text", attachments: [{ kind: "video" }] }],
    [["--kind", "file"], { kind: "text", attachments: [{ kind: "file", name: "simulated.txt" }] }],
    [["Office", "--kind", "location"], { text: expect.stringContaining("Office") }],
    [["https://example.com", "--kind", "link"], { quote: expect.stringContaining("example.com") }],
    [["/stop", "--kind", "click"], { kind: "text", text: "/stop" }],
  ])("%j is what it says", async (args, content) => {
    const { settings, received } = await startGateway(inline("ok"));
    expect((await json(...args, "--settings", settings)).json).toMatchObject({ answer: "ok" });
    expect(received[0]?.content).toMatchObject(content);
  });

  it.each([
    [["--kind", "enter_agent"], { name: "app_opened" }],
    [["--kind", "subscribe"], { name: "member_joined" }],
    [["https://example.com", "--kind", "view"], { name: "link_opened" }],
    [["--kind", "position"], { name: "location_reported" }],
    [
      ["card1:yes", "--kind", "card-click"],
      { name: "card_clicked", click: { cardId: "card1", buttonId: "yes", choices: {} } },
    ],
  ])("%j may be met with silence", async (args, event) => {
    const { settings, received } = await startGateway(() => ({
      isNew: true,
      inlineReply: async () => undefined,
    }));
    const result = await json(...args, "--settings", settings);
    expect(result.code).toBe(0);
    expect(result.json).toMatchObject({ answer: null, status: 200 });
    expect(received[0]?.content).toMatchObject({ kind: "event", event });
  });

  it("brings along a file that the gateway can fetch", async () => {
    const path = join(folder, "report.csv");
    writeFileSync(path, "a,b\n1,2\n");
    const fetching: Behaviour = (message, adapter) => ({
      isNew: true,
      inlineReply: async () => {
        const { content, target } = message;
        const attachment = content.kind === "text" ? content.attachments?.[0] : undefined;
        if (!attachment) throw new Error("no attachment");
        const signal = new AbortController().signal;
        const bytes = await adapter.openAttachment?.(target, attachment, signal);
        const text = await new Response(bytes).text();
        return { body: `${attachment.name}: ${text}`, settled: () => {} };
      },
    });
    const { settings } = await startGateway(fetching);
    const args = ["--kind", "file", "--file", path, "--settings", settings];
    expect((await json(...args)).json).toMatchObject({ answer: "report.csv: a,b\n1,2\n" });
  });

  it("shows cards with what a click would be, and files by name", async () => {
    const { settings } = await startGateway(
      replying({
        ...{ kind: "text", markdown: "" },
        card: {
          ...{ id: "card1", title: "Leave", fields: [{ label: "Days", value: "3" }], selects: [] },
          buttons: [{ id: "yes", label: "Approve" }],
        },
        files: [{ name: "report.csv", bytes: Buffer.from("a,b,c,d") }],
      }),
    );
    const { stdout } = await simulate("hi", "--settings", settings);
    expect(stdout).toContain("[card: Leave]");
    expect(stdout).toContain("Days: 3");
    expect(stdout).toContain("(Approve)  --kind card-click card1:yes");
    expect(stdout).toContain("[file: report.csv]");
  });

  it.each([
    [{}, "[card: Policy]\nNew rules\n-> Open https://a.example/1"],
    [
      { imageUrl: "https://a.example/1.png" },
      "[card: Policy]\nNew rules\nOpen\n-> https://a.example/1",
    ],
  ])("shows where a card leads that only leads somewhere: %j", async (changes, shown) => {
    const link = { url: "https://a.example/1", label: "Open" };
    const card = { id: "c", title: "Policy", text: "New rules", link, fields: [] };
    const { settings } = await startGateway(
      replying({
        ...{ kind: "text", markdown: "" },
        card: { ...card, buttons: [], selects: [], ...changes },
      }),
    );
    expect((await simulate("hi", "--settings", settings)).stdout).toContain(shown);
  });

  it("delivers three times, with the same bytes or sealed anew", async () => {
    const { settings, received } = await startGateway(inline("ok"));
    for (const how of ["identical", "reencrypted"]) {
      const result = await json("hi", "--settings", settings, "--retries", how);
      expect(result.json).toMatchObject({ answer: "ok", status: 200 });
    }
    expect(received).toHaveLength(6);
    expect(new Set(received.map(({ id }) => id)).size).toBe(2);
  });

  it("makes message/send fail first", async () => {
    const { settings } = await startGateway(replying({ kind: "text", markdown: "at last" }));
    const result = await json("hi", "--settings", settings, "--fault=-1");
    expect(result.json).toMatchObject({ answer: "at last", via: "message_send" });
  });

  it.each([
    [["--kind", "telepathy"], "telepathy"],
    [["--kind", "click"], "TEXT"],
    [["--kind", "file", "--file", "nowhere.txt"], "nowhere.txt"],
    [["hi", "--fault", "often"], "errcode"],
  ])("ends %j with 2", async (args, named) => {
    const { settings } = await startGateway(inline("ok"));
    const result = await simulate(...args, "--settings", settings);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(named);
  });
});
