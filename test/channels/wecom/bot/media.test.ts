import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openBotMedia } from "../../../../channels/wecom/bot/media.ts";
import { toMediaRef } from "../../../../channels/wecom/bot/media-ref.ts";
import { recordedLog } from "../../../fakes/log.ts";
import { encryptedFile, newCloudBot } from "../../../fakes/wecom-bot-envelope.ts";

const { encodingAesKey } = newCloudBot();
const API = "https://qyapi.weixin.qq.com";
const FILE = "https://storage.example.com/f?sign=SECRET";
const fileHosts = ["storage.example.com", "*.files.example.net", "xn--5nqu69aq8e.example.com"];
const signal = new AbortController().signal;
const servers: (() => void)[] = [];

afterEach(() => {
  for (const close of servers.splice(0)) close();
});

const open = (
  answer: () => Response | Promise<Response>,
  options: { url?: string; keys?: readonly string[]; aeskey?: string } = {},
) => {
  const fetch = vi.fn(async () => answer());
  const { url = FILE, keys = [encodingAesKey], aeskey } = options;
  const log = recordedLog();
  const media = { fetch, apiBaseUrl: API, fileHosts, keys, timeoutMs: 1_000, botId: "aib1", log };
  return { fetch, log, opened: openBotMedia(toMediaRef(url, aeskey), media, signal) };
};

const bodyOf = (bytes: Buffer) => new Response(new Uint8Array(bytes));

const read = async (stream: Promise<ReadableStream<Uint8Array>>): Promise<string> =>
  new Response(await stream).text();

describe("openBotMedia", () => {
  it("decrypts with the bot's key, the one before it, or the file's own", async () => {
    const old = newCloudBot().encodingAesKey;
    for (const text of ["", "a", "x".repeat(32), "你好".repeat(10_000)]) {
      const bytes = encryptedFile(Buffer.from(text), old);
      const encrypted = () => bodyOf(bytes);
      expect(await read(open(encrypted, { keys: [old] }).opened)).toBe(text);
      expect(await read(open(encrypted, { aeskey: `${old}=` }).opened)).toBe(text);
    }
  });

  it.each([
    ["one wrong byte of padding", encryptedFile(Buffer.from("hello"), encodingAesKey, 7)],
    ["half a block", encryptedFile(Buffer.from("hello"), encodingAesKey).subarray(0, 24)],
    ["nothing", Buffer.alloc(0)],
  ])("refuses %s", async (_flaw, bytes) => {
    await expect(open(() => bodyOf(bytes)).opened).rejects.toMatchObject({ reason: "refused" });
  });

  it.each([
    "http://storage.example.com/f",
    "https://127.0.0.1/f",
    "https://10.1.2.3/f",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/f",
    "https://[::ffff:10.0.0.1]/f",
    "https://[fd00::1]/f",
    "https://2130706433/f",
    "https://0x7f.1/f",
    "https://localhost/f",
    "https://vault/f",
    "https://db.internal/f",
    "https://user:pass@storage.example.com/f",
    "file:///etc/passwd",
    "no address",
  ])("never fetches from %s", async (url) => {
    const { fetch, opened } = open(() => bodyOf(Buffer.alloc(32)), { url });
    await expect(opened).rejects.toMatchObject({ reason: "not_allowed" });
    expect(fetch).not.toHaveBeenCalled();
  });

  it.each([
    ["any other public host", "https://evil.example.org/f"],
    ["a name that ends like one", "https://evilstorage.example.com/f"],
    ["a name that begins like one", "https://storage.example.com.evil.org/f"],
    ["what a wildcard ends with", "https://files.example.net/f"],
    ["what only looks like a wildcard's", "https://evilfiles.example.net/f"],
    ["another port", "https://storage.example.com:8443/f"],
    ["another port of the API's host", "https://qyapi.weixin.qq.com:8443/f"],
    ["no TLS", "http://storage.example.com/f"],
    ["the API's host without TLS", "http://qyapi.weixin.qq.com/f"],
    ["the root's dot", "https://storage.example.com./f"],
    ["a host that poses as a user", "https://storage.example.com@evil.org/f"],
    ["a user at an allowed host", "https://evil.org@storage.example.com/f"],
    ["a backslash before the at", "https://evil.org\\@storage.example.com/f"],
    ["a fragment", "https://evil.org#@storage.example.com/f"],
    ["an escaped dot", "https://storage.example.com%2eevil.org/f"],
    ["an ideographic full stop", "https://storage.example.com\u3002evil.org/f"],
    ["a letter of another script", "https://stor\u0430ge.example.com/f"],
  ])("attack: is not led to a host that nobody configured, by %s", async (_how, url) => {
    const { fetch, opened } = open(() => bodyOf(Buffer.alloc(32)), { url });
    await expect(opened).rejects.toMatchObject({ reason: "not_allowed" });
    expect(fetch).not.toHaveBeenCalled();
  });

  it.each([
    "https://STORAGE.Example.com/f",
    "https://storage.example.com:443/f",
    "https://a.b.files.example.net/f",
    "https://\u6587\u4ef6\u5eab.example.com/f",
    "https://qyapi.weixin.qq.com/f",
  ])("fetches from %s, however it is written", async (url) => {
    const bytes = encryptedFile(Buffer.from("hello"), encodingAesKey);
    expect(await read(open(() => bodyOf(bytes), { url }).opened)).toBe("hello");
  });

  it("tells the operator the host and the setting, but nothing that opens the file", async () => {
    const url = "https://new-bucket.example.org:8443/f?sign=SECRET";
    const { log, opened } = open(() => bodyOf(Buffer.alloc(32)), { url });
    const error = await opened.catch((cause: unknown) => cause);
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]).toMatchObject({
      level: "error",
      fields: {
        from: "https://new-bucket.example.org:8443",
        alert: "wecom_file_host_refused",
      },
    });
    expect(JSON.stringify(log.lines)).toContain("channels.wechat_work.file_hosts");
    expect(`${JSON.stringify(log.lines)}${String(error)}`).not.toContain("SECRET");
  });

  it("attack: is not redirected, from an allowed host to any other or to itself", async () => {
    for (const location of ["https://evil.org/f", "http://10.0.0.1/f", FILE]) {
      const redirecting = () => new Response("", { status: 302, headers: { location } });
      const { fetch, opened } = open(redirecting);
      await expect(opened).rejects.toMatchObject({ reason: "refused" });
      expect(fetch).toHaveBeenCalledOnce();
      expect(fetch.mock.lastCall).toMatchObject([FILE, { redirect: "manual" }]);
    }
  });

  it("follows no redirect", async () => {
    let visits = 0;
    const server = createServer((_request, response) => {
      visits += 1;
      response.writeHead(302, { location: "/elsewhere" }).end();
    }).listen(0, "127.0.0.1");
    servers.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const apiBaseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const media = {
      ...{ fetch, apiBaseUrl, fileHosts, keys: [encodingAesKey], timeoutMs: 1_000 },
      ...{ botId: "aib1", log: recordedLog() },
    };
    const opened = openBotMedia(toMediaRef(`${apiBaseUrl}/f`, undefined), media, signal);
    await expect(opened).rejects.toMatchObject({ reason: "refused" });
    expect(visits).toBe(1);
  });

  it("says when the five minutes are over, or the file is too large", async () => {
    const gone = () => new Response("", { status: 403 });
    await expect(open(gone).opened).rejects.toMatchObject({ reason: "expired" });
    const large = () => bodyOf(Buffer.alloc(20 * 2 ** 20 + 64));
    await expect(open(large).opened).rejects.toMatchObject({ reason: "too_large" });
  });

  it("never tells the address, which is a secret", async () => {
    const failing = () => Promise.reject(new Error(`cannot reach ${FILE}`));
    const error = await open(failing).opened.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ reason: "unreachable" });
    expect(String(error)).not.toContain("SECRET");
    expect((error as Error).cause).toBeUndefined();
  });
});
