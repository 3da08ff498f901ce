import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { createWecomAdapter } from "../../channels/wecom/adapter.ts";
import { registerSimulate } from "../../cli/simulate.ts";
import { createLeases } from "../../core/channel-state/leases.ts";
import type { ChannelAdapter } from "../../core/contract/channel.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import type { Answer } from "../../core/contract/reply.ts";
import { createWorkspace } from "../config/workspace.ts";
import { memoryState } from "../fakes/channel-state.ts";
import { freePort } from "../fakes/free-port.ts";
import { recordedLog } from "../fakes/log.ts";
import { runVerb } from "./run-verb.ts";

const BOT = "aibLINK";
const signal = new AbortController().signal;
let adapter: ChannelAdapter | undefined;
let cwd: string;
let port: number;

afterEach(async () => {
  await adapter?.stop();
  adapter = undefined;
});

/** The real adapter, which answers every message so. */
const startGateway = async (
  answerTo: (message: InboundMessage, gateway: ChannelAdapter) => Promise<Partial<Answer>>,
  secret = "its secret",
): Promise<readonly InboundMessage[]> => {
  port = await freePort();
  const ws_url = `ws://127.0.0.1:${port}`;
  const api_base_url = `http://127.0.0.1:${await freePort()}`;
  const state = memoryState();
  const log = recordedLog();
  const bot = { bot_id: BOT, ws_url, corp_id: "wwexample000000001", api_base_url, file_hosts: [] };
  const gateway = createWecomAdapter({
    ...{ apps: [], log, now: () => new Date(), state, isAlone: true, random: () => 0 },
    linked: { bots: [{ ...bot, secret }], leases: createLeases({ state, log }) },
  });
  adapter = gateway;
  const received: InboundMessage[] = [];
  const answer = async (message: InboundMessage): Promise<void> => {
    const { target } = message;
    const reply = { kind: "text", markdown: "", ...(await answerTo(message, gateway)) } as const;
    if (reply.markdown === "" && !reply.card && !reply.files) return;
    for (const [place, body] of gateway.render(reply, target).entries()) {
      const part = { id: `1.${place}`, target, body, isRepeat: false };
      for (let attempt = 1; attempt <= 5; attempt++) {
        if ((await gateway.send({ ...part, attempt }, signal)).kind !== "retry") break;
      }
    }
  };
  await gateway.start(async (message) => {
    received.push(message);
    setImmediate(() => void answer(message));
    return { isNew: true, inlineReply: async () => undefined };
  });
  const { corp_id } = bot;
  cwd = createWorkspace({
    "settings.json": JSON.stringify({
      channels: {
        wechat_work: {
          api_base_url,
          bots: [{ bot_id: BOT, secret: "its secret", ws_url, corp_id }],
        },
      },
    }),
  });
  return received;
};

const simulate = async (...words: string[]) => {
  const { code, out, err } = await runVerb(registerSimulate, cwd, [
    ...["simulate", "wecom", ...words, "--bot", BOT, "--json"],
  ]);
  return { exit: code, err, ...JSON.parse(out === "" ? "{}" : out) };
};

describe("clawgate simulate wecom --bot, for a long connection", () => {
  it("shows an answer, its card and its file, though the first try is refused", async () => {
    const link = { url: "https://a.example/1", label: "Open" };
    const card = { id: "c1", title: "Policy", link, fields: [], buttons: [], selects: [] };
    const files = [{ name: "report.csv", bytes: Buffer.from("a,b\n1,2\n") }];
    const received = await startGateway(async () => ({ markdown: "**Here**", card, files }));
    const result = await simulate("hi", "--group", "wrTEAM", "--quote", "E42", "--fault=-1");
    expect(result).toMatchObject({ exit: 0, via: "link" });
    expect(result.answer).toBe(
      "**Here**\n[card: Policy]\n-> Open https://a.example/1\n[file: report.csv]",
    );
    expect(received[0]).toMatchObject({
      conversation: { id: `${BOT}/group:wrTEAM`, kind: "group" },
      content: { text: "hi", quote: "E42" },
    });
  });

  it("brings a file along that the gateway can open by its own key", async () => {
    await startGateway(async ({ content, target }, gateway) => {
      const [attachment] = content.kind === "text" ? (content.attachments ?? []) : [];
      if (!attachment) throw new Error("no attachment");
      const bytes = await gateway.openAttachment?.(target, attachment, signal);
      return { markdown: await new Response(bytes).text() };
    });
    expect((await simulate("--kind", "file")).answer).toContain("simulated");
  });

  it("is content with silence after an event", async () => {
    const received = await startGateway(async () => ({}));
    expect(await simulate("--kind", "enter_agent")).toMatchObject({ exit: 0, answer: null });
    expect(received[0]).toMatchObject({ content: { event: { name: "app_opened" } } });
  });

  it("says that the gateway runs with another secret", async () => {
    await startGateway(async () => ({}), "another secret");
    const { exit, err } = await simulate("hi");
    expect([exit, err]).toEqual([1, expect.stringContaining("another bot_id or secret")]);
    expect(err).not.toContain("its secret");
  });

  it("says what cannot be played", async () => {
    await startGateway(async () => ({}));
    expect(await simulate("hi", "--retries", "identical")).toMatchObject({
      ...{ exit: 2, error: { message: expect.stringContaining("delivers everything once") } },
    });
    const other = createServer((_, response) => response.end()).listen(port, "127.0.0.1");
    await once(other, "listening");
    expect(await simulate("hi")).toMatchObject({
      ...{ exit: 1, err: expect.stringContaining("ws_url) is taken") },
    });
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });
});
