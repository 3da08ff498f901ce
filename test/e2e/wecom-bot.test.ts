import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { eventually } from "../fakes/eventually.ts";
import { type GatewayProcess, gatewayProcess } from "../fakes/gateway-process.ts";
import { type Deliver, startWecomBotCloud, type WecomBotCloud } from "../fakes/wecom-bot-cloud.ts";

const PATIENCE = { timeout: 60_000, interval: 20 };

let cloud: WecomBotCloud;
let gateway: GatewayProcess;

beforeAll(async () => {
  cloud = await startWecomBotCloud({ pollMs: 100 });
  const workspace = "wwexample000000001";
  gateway = gatewayProcess({
    channels: {
      wechat_work: {
        api_base_url: cloud.apiBaseUrl,
        bots: [
          {
            id: cloud.bot.id,
            corp_id: workspace,
            name: "Desk",
            token: cloud.bot.token,
            encoding_aes_key: cloud.bot.encodingAesKey,
            webhook_path: "/api/wechat/bot",
          },
        ],
      },
    },
    multi_tenant: {
      tenants: [
        {
          id: "echo",
          bindings: [{ channel: "wechat_work", workspace }],
          llm_config: { provider: "echo" },
        },
      ],
    },
  });
  await gateway.start();
});

afterAll(async () => {
  await gateway?.remove();
  await cloud?.close();
});

/** Over HTTP, with the platform's 5 s. */
const deliver: Deliver = async ({ query, body }) => {
  try {
    const response = await fetch(`${gateway.url}/api/wechat/bot?${query}`, {
      method: "POST",
      body,
      signal: AbortSignal.timeout(5_000),
    });
    return { status: response.status, body: await response.text() };
  } catch {
    return undefined;
  }
};

const linesOf = (bytes: number): string => {
  let text = "";
  for (let line = 1; text.length < bytes; line += 1) text += `Line ${line} of a long one.\n`;
  return text.slice(0, bytes);
};

describe("a bot before the built gateway", () => {
  it("answers a member once, however often the platform delivers", async () => {
    const message = cloud.text("wei", "hello 你好");
    const { polled } = await cloud.ask(deliver, message, { reencrypt: true, loseFirst: 2 });
    await polled;
    expect(cloud.screen("wei")).toMatchObject([
      { via: "stream", text: "hello 你好", isFinished: true },
    ]);
    const again = await cloud.ask(deliver, message);
    await again.polled;
    expect(cloud.screen("wei")).toHaveLength(1);
  });

  it("answers a group in the group, without the mention", async () => {
    const group = { chattype: "group", chatid: "wrGROUP1" };
    const { polled } = await cloud.ask(deliver, cloud.text("wei", "@Desk hi", group));
    await polled;
    expect(cloud.screen("wrGROUP1").map(({ text }) => text)).toEqual(["hi"]);
  });

  it("puts feedback on record and does not answer it", async () => {
    const { answer, status } = await cloud.ask(
      deliver,
      cloud.event("ann", "feedback_event", { id: "F1", type: 1 }),
    );
    expect({ answer, status }).toEqual({ answer: undefined, status: 200 });
    await eventually(() => {
      expect(JSON.stringify(gateway.audit())).toContain("feedback_event");
    });
    expect(cloud.screen("ann")).toEqual([]);
  });

  it("brings 60 KB whole and in order, the last of it with the next message", async () => {
    const long = linesOf(61_440);
    const first = await cloud.ask(deliver, cloud.text("long", long));
    await first.polled;
    await eventually(() => expect(cloud.screen("long")).toHaveLength(2));
    const shown = () => cloud.screen("long").map(({ text }) => text.split("\n\n（未完")[0]);
    for (const [said, bubbles] of [
      ["go on", 4],
      ["thanks", 5],
    ] as const) {
      const { polled } = await cloud.ask(deliver, cloud.text("long", said));
      await polled;
      // What is left is looked at every 15 s.
      await vi.waitFor(() => expect(shown()).toHaveLength(bubbles), PATIENCE);
    }
    // The answers to those two come after it, each when there is something that can carry it.
    expect(shown().join("")).toBe(`${long}go on`);
  }, 150_000);

  it("ends streams cleanly after kill -9", async () => {
    const asked = cloud.ask(deliver, cloud.text("kill", "still there?"));
    await gateway.stop("SIGKILL");
    await gateway.start();
    const { status, polled } = await asked;
    // Where none of the three tries was taken, the person must ask again: that is the platform's loss.
    const next =
      status === 200 ? { polled } : await cloud.ask(deliver, cloud.text("kill", "still there?"));
    await next.polled;
    await eventually(() => {
      const last = cloud.screen("kill").at(-1);
      expect(last).toMatchObject({ text: "still there?", isFinished: true });
    });
  });

  it("never prints what only the platform may know", async () => {
    expect(gateway.output).not.toContain("response_code");
    expect(gateway.output).not.toContain(cloud.bot.token);
    expect(gateway.output).not.toContain("still there?");
  });
});
