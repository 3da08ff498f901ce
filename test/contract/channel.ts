import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type {
  ChannelAdapter,
  OutboundPart,
  Receipt,
  WebhookRequest,
  WebhookResponse,
} from "../../core/contract/channel.ts";
import { PayloadError, SignatureError } from "../../core/contract/errors.ts";
import type { InboundMessage } from "../../core/contract/message.ts";

/** What the suite needs to play an adapter's platform. */
export interface ChannelHarness {
  /** New, not started; nothing answers where it looks for the platform's API. */
  readonly adapter: ChannelAdapter;
  /** One of the adapter's webhooks. */
  readonly path: string;
  /** A genuine request that brings one text; the same `id` is the same message delivered again. */
  message(text: string, id: string): WebhookRequest;
  /** Requests that the platform did not make, by attack. */
  forged(): Readonly<Record<string, WebhookRequest>>;
  /** Requests that nobody can read, by what is wrong. */
  unreadable(): Readonly<Record<string, WebhookRequest>>;
  /** Something to send that is good but for the platform being away. */
  part(): OutboundPart;
  /** The verbatim text in a body that `render` made; absent where the body is that text. */
  readonly textIn?: (body: string) => string;
  /** The platform takes no text of blanks alone: something stands for it. Default: it takes it. */
  readonly refusesBlanks?: boolean;
  /**
   * Whether a response says that the message was not taken. Absent: a status of 500 or above, which
   * makes the platform deliver again; one that never does must be able to tell the person instead.
   */
  readonly isTurnedAway?: (response: WebhookResponse) => boolean;
}

/** What every adapter promises to core, whatever its platform. */
export const describeChannel = (name: string, createHarness: () => ChannelHarness): void => {
  describe(`${name} keeps the channel contract`, () => {
    let harness: ChannelHarness;
    let received: InboundMessage[];

    beforeEach(() => {
      harness = createHarness();
      received = [];
    });

    const start = (receipt: Receipt = ACCEPTED) =>
      harness.adapter.start(async (message) => {
        received.push(message);
        return receipt;
      });

    /** What a person would read of a verbatim answer. */
    const shown = (markdown: string): string => {
      const { target } = harness.part();
      const parts = harness.adapter.render({ kind: "text", markdown, isVerbatim: true }, target);
      expect(parts.length).toBeGreaterThan(0);
      return parts.map((body) => harness.textIn?.(body) ?? body).join("");
    };

    const call = (request: WebhookRequest) => {
      const webhook = harness.adapter.webhooks.get(harness.path);
      if (!webhook) throw new Error(`no webhook at ${harness.path}`);
      return webhook(request);
    };

    it("serves absolute paths", () => {
      expect([...harness.adapter.webhooks.keys()]).toContain(harness.path);
      for (const path of harness.adapter.webhooks.keys()) expect(path).toMatch(/^\/[^?#]*$/);
    });

    it("hands over what was said, exactly, and where the answer goes", async () => {
      await start();
      const response = await call(harness.message(" 007 你好 <b>&amp;]]>\n", "1"));
      expect(response.status).toBe(200);
      expect(received).toHaveLength(1);
      const [message] = received;
      expect(message?.content).toEqual({ kind: "text", text: " 007 你好 <b>&amp;]]>\n" });
      expect(message?.channel).toBe(harness.adapter.name);
      expect(message?.target).toMatchObject({
        channel: harness.adapter.name,
        workspaceId: message?.workspaceId,
        replyTo: message?.id,
      });
    });

    it("gives a redelivery the same id, and a new message a new one", async () => {
      await start();
      for (const id of ["1", "1", "2"]) await call(harness.message("hello", id));
      const [first, again, other] = received.map((message) => message.id);
      expect(again).toBe(first);
      expect(other).not.toBe(first);
    });

    it("hands over JSON-safe messages, because core stores them", async () => {
      await start();
      await call(harness.message("hello", "1"));
      const [message] = received;
      const copy = JSON.parse(JSON.stringify(message)) as { sentAt: string };
      expect({ ...copy, sentAt: new Date(copy.sentAt) }).toEqual(message);
    });

    it("acknowledges only what is stored", async () => {
      let store = (_receipt: Receipt): void => {};
      await harness.adapter.start(
        () =>
          new Promise((resolve) => {
            store = resolve;
          }),
      );
      let isAcknowledged = false;
      const response = call(harness.message("hello", "1")).finally(() => {
        isAcknowledged = true;
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect(isAcknowledged).toBe(false);
      store(ACCEPTED);
      expect((await response).status).toBe(200);
    });

    it("asks for another delivery when the message could not be stored", async () => {
      await harness.adapter.start(() => Promise.reject(new Error("disk full")));
      const response = await call(harness.message("hello", "1"));
      const { isTurnedAway = ({ status }) => status >= 500 } = harness;
      expect(isTurnedAway(response)).toBe(true);
    });

    it("asks for another delivery while it is not started, and after it was stopped", async () => {
      expect((await call(harness.message("hello", "1"))).status).toBeGreaterThanOrEqual(500);
      await start();
      await harness.adapter.stop();
      expect((await call(harness.message("hello", "1"))).status).toBeGreaterThanOrEqual(500);
      expect(received).toEqual([]);
    });

    it("refuses every forgery and processes nothing of it", async () => {
      await start();
      for (const [attack, request] of Object.entries(harness.forged())) {
        await expect(call(request), attack).rejects.toThrow(SignatureError);
      }
      expect(received).toEqual([]);
    });

    it("refuses what it cannot read and processes nothing of it", async () => {
      await start();
      for (const [flaw, request] of Object.entries(harness.unreadable())) {
        await expect(call(request), flaw).rejects.toThrow(PayloadError);
      }
      expect(received).toEqual([]);
    });

    it("never puts a secret or the user's words into an error", async () => {
      await start();
      for (const request of Object.values({ ...harness.forged(), ...harness.unreadable() })) {
        const error = await call(request).catch((cause: unknown) => cause);
        expect(String(error)).not.toContain("hello");
      }
    });

    it("renders at least one part, and parts that are the answer when joined", () => {
      const piece = fc.oneof(
        fc.string({ unit: "grapheme" }),
        fc.constantFrom(
          "\n\n",
          " ",
          "**bold** ",
          "`code` ",
          "[a](b) ",
          "你好，",
          "👩‍👩‍👧",
          "x".repeat(3000),
        ),
      );
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
          // What XML cannot carry is removed; the suite speaks of everything else.
          const markdown = pieces
            .join("")
            .replace(/[^\P{Cc}\t\n\r\u007f-\u009f]|[\ufffe\uffff]/gu, "");
          if (harness.refusesBlanks && markdown.trim() === "") shown(markdown);
          else expect(shown(markdown)).toBe(markdown);
        }),
        { numRuns: 300 },
      );
    });

    it("renders back what it parsed, up to 60 KB", async () => {
      await start();
      for (const text of ["a", "你好 **x** ]]> <&> ", "👩‍👩‍👧‍👦 é ", "one two\r\nthree\t"]) {
        const long = text.repeat(Math.floor(61_440 / Buffer.byteLength(text)));
        received = [];
        await call(harness.message(long, "1"));
        const content = received[0]?.content;
        const markdown = content?.kind === "text" ? content.text : "";
        expect(shown(markdown)).toBe(long);
      }
    });

    it("ends a send with an outcome, not an exception, when the platform is away", async () => {
      const outcome = await harness.adapter.send(harness.part(), new AbortController().signal);
      expect(["retry", "unknown"]).toContain(outcome.kind);
    });

    it("does not send after it was told to stop", async () => {
      const outcome = await harness.adapter.send(harness.part(), AbortSignal.abort());
      expect(outcome.kind).toBe("retry");
    });

    it("refuses to send where it is not configured", async () => {
      const part = harness.part();
      const target = { ...part.target, appId: "999", workspaceId: "elsewhere" };
      const outcome = await harness.adapter.send({ ...part, target }, new AbortController().signal);
      expect(outcome.kind).toBe("refused");
    });
  });
};

const ACCEPTED: Receipt = { isNew: true, inlineReply: async () => undefined };
