import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeRef } from "../../../channels/discord/attachment-ref.ts";
import { createFiles } from "../../../channels/discord/files.ts";
import { createRest, type Rest } from "../../../channels/discord/rest.ts";
import { discordTarget } from "../../../channels/discord/target.ts";
import { type DiscordRest, startDiscordRest } from "../../fakes/discord-rest.ts";

const ROOM = "800000000000000001";
const ID = "810000000000000001";

let discord: DiscordRest;
let rest: Rest;
let asked: { readonly url: string; readonly headers: unknown }[];

const noted: typeof globalThis.fetch = (input, init) => {
  asked.push({ url: String(input), headers: init?.headers });
  return fetch(input, init);
};

beforeEach(async () => {
  asked = [];
  discord = await startDiscordRest();
  const now = () => new Date();
  rest = createRest({ baseUrl: discord.apiBaseUrl, token: discord.token, now, timeoutMs: 20_000 });
});

afterEach(async () => {
  rest.close();
  await discord.close();
});

const target = discordTarget({ channelId: ROOM, replyTo: "1" });

const open = async (ref: string, get = noted): Promise<string> => {
  const files = createFiles({ rest, fetch: get, apiBaseUrl: discord.apiBaseUrl });
  const attachment = { kind: "file", name: "a.txt", ref } as const;
  const stream = await files(target, attachment, new AbortController().signal);
  return new Response(stream).text();
};

describe("openAttachment", () => {
  it("opens a file without taking the token along", async () => {
    const url = discord.keep("a.txt", Buffer.from("hello"));
    expect(await open(writeRef({ url, id: ID }))).toBe("hello");
    expect(asked).toEqual([{ url, headers: undefined }]);
  });

  it("asks the message for a new address where the old one has expired", async () => {
    const url = discord.keep("a.txt", Buffer.from("hello"));
    const attachments = [{ id: ID, filename: "a.txt", size: 5, url }];
    const { id: messageId } = discord.write(ROOM, { attachments });
    const ref = { url: `${url}?expired`, id: ID, channelId: ROOM, messageId };
    expect(await open(writeRef(ref))).toBe("hello");
    discord.remove(ROOM, messageId);
    await expect(open(writeRef(ref))).rejects.toMatchObject({ reason: "expired" });
  });

  it("says that a file of a command has expired", async () => {
    const url = `${discord.keep("a.txt", Buffer.from("hello"))}?expired`;
    await expect(open(writeRef({ url, id: ID }))).rejects.toMatchObject({ reason: "expired" });
  });

  it.each([
    "http://169.254.169.254/latest/meta-data",
    "http://cdn.discordapp.com/a",
    "https://cdn.discordapp.com.evil.example/a",
    "https://cdn.discordapp.com:8443/a",
    "https://user:pass@cdn.discordapp.com/a",
    "https://evil.example/cdn.discordapp.com",
    "file:///etc/passwd",
    "not an address",
  ])("server-side request forgery: refuses %s and calls nobody", async (url) => {
    await expect(open(writeRef({ url, id: ID }))).rejects.toMatchObject({ reason: "refused" });
    await expect(open(url)).rejects.toMatchObject({ reason: "refused" });
    expect(asked).toEqual([]);
  });

  it("forgery by renewal: a message's new address is judged like the old one", async () => {
    const url = discord.keep("a.txt", Buffer.from("hello"));
    const attachments = [{ id: ID, filename: "a", size: 1, url: "http://169.254.169.254/x" }];
    const { id: messageId } = discord.write(ROOM, { attachments });
    const ref = writeRef({ url: `${url}?expired`, id: ID, channelId: ROOM, messageId });
    await expect(open(ref)).rejects.toMatchObject({ reason: "refused" });
    expect(asked).toHaveLength(1);
  });

  it("opens Discord's own hosts, and follows them nowhere else", async () => {
    for (const host of ["cdn.discordapp.com", "media.discordapp.net"]) {
      const ref = writeRef({ url: `https://${host}/a.txt`, id: ID });
      expect(await open(ref, async () => new Response("hello"))).toBe("hello");
      const moved = async (_: unknown, init?: RequestInit) => {
        expect(init?.redirect).toBe("manual");
        return new Response(null, { status: 302, headers: { location: "http://10.0.0.1/" } });
      };
      await expect(open(ref, moved)).rejects.toMatchObject({ reason: "expired" });
    }
  });

  it("ends a file that is too large, whatever its length is said to be", async () => {
    const url = discord.keep("a.txt", Buffer.alloc(26 * 2 ** 20));
    await expect(open(writeRef({ url, id: ID }))).rejects.toThrow();
    const endless = async () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(2 ** 20)),
        }),
      );
    await expect(open(writeRef({ url, id: ID }), endless)).rejects.toMatchObject({
      reason: "too_large",
    });
  });
});
