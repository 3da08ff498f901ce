import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openBotMedia } from "../../../../channels/wecom/bot/media.ts";
import { toMediaRef } from "../../../../channels/wecom/bot/media-ref.ts";
import { encryptedFile, newCloudBot } from "../../../fakes/wecom-bot-envelope.ts";

const { encodingAesKey } = newCloudBot();
const API = "https://qyapi.weixin.qq.com";
const FILE = "https://storage.example.com/f?sign=SECRET";
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
  const media = { fetch, apiBaseUrl: API, keys, timeoutMs: 1_000 };
  return { fetch, opened: openBotMedia(toMediaRef(url, aeskey), media, signal) };
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
    await expect(opened).rejects.toMatchObject({ reason: "refused" });
    expect(fetch).not.toHaveBeenCalled();
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
    const media = { fetch, apiBaseUrl, keys: [encodingAesKey], timeoutMs: 1_000 };
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
