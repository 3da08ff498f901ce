import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Attachment } from "../../../core/contract/message.ts";
import { type Bot, type SlackApi, startSlackApi } from "../../fakes/slack-api.ts";
import { forever, inThread, openSender, TEAM } from "./sender-fixture.ts";

let slack: SlackApi;
let elsewhere: SlackApi;
let bot: Bot;

beforeEach(async () => {
  [slack, elsewhere] = await Promise.all([startSlackApi(), startSlackApi()]);
  bot = slack.install(TEAM);
});

afterEach(async () => {
  await Promise.all([slack.close(), elsewhere.close()]);
});

const attachment = (url?: string, sizeBytes?: number): Attachment => ({
  kind: "file",
  name: "a.csv",
  ...(sizeBytes !== undefined && { sizeBytes }),
  ref: JSON.stringify({ id: "F0FILE", ...(url !== undefined && { url }) }),
});

const read = async (file: Attachment, signal = forever): Promise<string> => {
  const { sender } = openSender(slack, bot);
  const stream = await sender.openAttachment(inThread("1.1"), file, signal);
  return new Response(stream).text();
};

describe("a file from Slack", () => {
  it("is opened with the token of its workspace", async () => {
    expect(await read(attachment(slack.file(Buffer.from("1,2"))))).toBe("1,2");
    expect(slack.callsOf("file")).toMatchObject([{ token: bot.token }]);
  });

  it("is asked for where its message only names it", async () => {
    const url = slack.file(Buffer.from("shared"));
    slack.on("files.info", () => ({ file: { id: "F0FILE", url_private: url } }));
    expect(await read(attachment())).toBe("shared");
    slack.on("files.info", () => ({ ok: false, error: "file_deleted" }));
    await expect(read(attachment())).rejects.toMatchObject({ reason: "expired" });
  });

  it("is not asked for once its turn has ended", async () => {
    const file = attachment(slack.file(Buffer.from("1,2")));
    await expect(read(file, AbortSignal.abort())).rejects.toMatchObject({ reason: "unreachable" });
    expect(slack.callsOf("file")).toEqual([]);
  });

  it("may be a page, but not the one to log in at", async () => {
    const page = slack.file(Buffer.from("<p>mine</p>"), { contentType: "text/html" });
    expect(await read(attachment(page))).toBe("<p>mine</p>");
    const { token } = bot;
    bot = { ...bot, token: "xoxb-stale" };
    await expect(read(attachment(page))).rejects.toMatchObject({ reason: "refused" });
    bot = { ...bot, token };
  });

  it.each(["directly", "by a redirect"])(
    "never has the token sent to another host %s",
    async (how) => {
      const bait = elsewhere.file(Buffer.from("bait"));
      const url = how === "directly" ? bait : slack.file(Buffer.alloc(0), { redirect: bait });
      await expect(read(attachment(url))).rejects.toMatchObject({ reason: "refused" });
      expect(elsewhere.calls).toEqual([]);
    },
  );

  it.each([
    "https://slack.com.evil.example/x",
    "https://evilslack.com/x",
    "http://files.slack.com/x",
    "file:///etc/passwd",
    "x",
  ])("is not looked for at %s", async (url) => {
    await expect(read(attachment(url))).rejects.toMatchObject({ reason: "refused" });
  });

  it("follows a redirect among Slack's hosts", async () => {
    const url = slack.file(Buffer.alloc(0), { redirect: slack.file(Buffer.from("moved")) });
    expect(await read(attachment(url))).toBe("moved");
  });

  it("that is too large is not taken, whatever its message says", async () => {
    const large = slack.file(Buffer.alloc(20 * 2 ** 20 + 1));
    await expect(read(attachment(large, 10))).rejects.toMatchObject({ reason: "too_large" });
    await expect(read(attachment(large, 2 ** 30))).rejects.toMatchObject({ reason: "too_large" });
  });

  it("that is gone is said to be", async () => {
    const url = `${slack.origin}/files-pri/none`;
    await expect(read(attachment(url))).rejects.toMatchObject({ reason: "expired" });
  });
});
