import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Forgery } from "../fakes/wecom-envelope.ts";
import { startWecomGateway, type WecomGateway } from "../fakes/wecom-gateway.ts";

let world: WecomGateway;
beforeAll(async () => {
  world = await startWecomGateway();
});
afterAll(() => world.close());

const knock = (forgery: Forgery, inner = world.cloud.text("echo", "let me in")) =>
  world.cloud.attempt(world.callbackUrl, world.cloud.callback(inner, forgery));

const flip = (text: string): string => (text.startsWith("A") ? "B" : "A") + text.slice(1);
const seconds = (offset: number) => String(Math.floor(Date.now() / 1000) + offset);

// Instants are counted from here, however long the gateway takes to start: none may become the
// signed one, or one within the window, while it does.
const FORGED: Readonly<Record<string, Forgery>> = {
  "the signature is another": { query: { msg_signature: "0".repeat(40) } },
  "the signature was made with another Token": { token: "stolenTokenOfAnotherApp" },
  "the timestamp was changed after signing": { query: { timestamp: seconds(-7) } },
  "the nonce was changed after signing": { query: { nonce: "other" } },
  "the ciphertext was changed after signing": {
    body: (xml) =>
      xml.replace(/(<Encrypt><!\[CDATA\[)(.{9})/, (_all, tag, head) => tag + flip(head)),
  },
  "it is a recording older than the replay window": { timestamp: seconds(-310) },
  "it comes from the future": { timestamp: seconds(86_400) },
  "the timestamp is no number": { timestamp: "1e9" },
  "the padding is inconsistent": {
    plaintext: (bytes) => {
      const last = bytes.at(-1) ?? 0;
      if (last > 1) bytes[bytes.length - 2] = 0;
      else bytes[bytes.length - 1] = 2;
      return bytes;
    },
  },
  "the padding is longer than a block": {
    plaintext: (bytes) => {
      bytes[bytes.length - 1] = 33;
      return bytes;
    },
  },
  "the inner length points beyond the end": {
    plaintext: (bytes) => {
      bytes.writeUInt32BE(0xffffff, 16);
      return bytes;
    },
  },
  "the ciphertext is cut": { ciphertext: (base64) => base64.slice(0, 64) },
  "it was encrypted for another corp": { receiveId: "wwothercorp0000001" },
  "the corp id is only a prefix": { receiveId: "wwexample0000000" },
  "it was encrypted with another key": {
    encodingAesKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
  },
  "the envelope names another corp": { outerCorpId: "wwothercorp0000001" },
  "the envelope names another app": { outerAgentId: "1000003" },
};

const MALFORMED: Readonly<Record<string, Forgery>> = {
  "the body has a DOCTYPE": { body: (xml) => `<!DOCTYPE xml>${xml}` },
  "the body has two ciphertexts": {
    body: (xml) => xml.replace("</xml>", "<Encrypt>AAAA</Encrypt></xml>"),
  },
  "the body has a second root": { body: (xml) => `${xml}<xml></xml>` },
  "the body is no XML": { body: () => "{}" },
  "the ciphertext is empty": { body: () => "<xml><Encrypt></Encrypt></xml>" },
  "the signature is missing": { query: { msg_signature: undefined } },
  "the nonce is given twice": { query: { nonce: ["a", "b"] } },
};

describe("a forged callback", () => {
  it.each(Object.entries(FORGED))(
    "is refused and not processed when %s",
    async (_name, forgery) => {
      expect(await knock(forgery)).toMatchObject({ status: 403, body: "" });
    },
  );

  it.each(Object.entries(MALFORMED))("is called malformed when %s", async (_name, forgery) => {
    expect(await knock(forgery)).toMatchObject({ status: 400, body: "" });
  });

  it.each([
    ["corp", "<ToUserName>.*?</ToUserName>", "<ToUserName>wwother</ToUserName>"],
    ["app", "<AgentID>.*?</AgentID>", "<AgentID>1000003</AgentID>"],
  ])("is refused when the message inside is for another %s", async (_what, pattern, other) => {
    const inner = world.cloud.text("echo", "let me in").replace(new RegExp(pattern), other);
    expect(await knock({}, inner)).toMatchObject({ status: 403, body: "" });
  });

  it("is refused when it is larger than any message", async () => {
    const answer = await knock({ body: (xml) => xml + " ".repeat(1_100_000) });
    expect([413, undefined]).toContain(answer.status);
  });

  it("gets an empty 200 when it is signed but cannot be understood, and nothing is processed", async () => {
    expect(await knock({}, "not xml at all")).toMatchObject({ status: 200, body: "" });
  });

  it("has left no trace but the refusals on record, and nobody saw an answer", async () => {
    expect(world.cloud.seen("echo")).toEqual([]);
    const records = world.gateway.audit();
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) {
      expect(record).toMatchObject({
        action: "webhook",
        decision: "refused",
        tenant_id: "_platform",
      });
    }
  });

  it("did not keep the gateway from answering the next honest message", async () => {
    expect(await knock({}, world.cloud.text("echo", "still there?"))).toMatchObject({
      status: 200,
      passive: "still there?",
    });
  });
});

describe("a hostile skill", () => {
  beforeEach((context) => world.needSandbox(context));

  const asked = async (user: string, skill: string, count: number) => {
    world.model.script({ kind: "calls", calls: [{ name: skill, arguments: { text: "go" } }] });
    await knock({}, world.cloud.text(user, "go"));
    const seen = await world.cloud.waitForSeen(user, count, 20_000);
    return seen.at(-1)?.text;
  };
  const lastRun = () => world.gateway.audit().findLast((record) => record.action === "skill.run");

  it.each([
    ["loops for ever", "spinner", "SKILL_TIMEOUT", "took too long"],
    ["eats all memory", "memory-eater", "SKILL_MEMORY", "more memory than it may"],
    ["writes outside its folder", "outside-writer", "SKILL_FAILED", "failed"],
  ])(
    "that %s is stopped, the user told, the reason on record",
    async (_what, skill, code, words) => {
      const before = world.cloud.seen("wei").length;
      const answer = await asked("wei", skill, before + 1);
      expect(answer).toContain(words);
      expect(answer).toContain(`[${code}]`);
      expect(lastRun()).toMatchObject({ subject: skill, code, tenant_id: "staff" });
    },
  );

  it("that bears the name of another is not loaded, and the other is", async () => {
    expect(world.gateway.output).toMatch(/forged.*left out/);
    world.model.script(
      { kind: "calls", calls: [{ name: "calculator", arguments: { text: "1+1" } }] },
      { kind: "text", text: "two" },
    );
    const before = world.cloud.seen("ann").length;
    await knock({}, world.cloud.text("ann", "1+1"));
    expect((await world.cloud.waitForSeen("ann", before + 1)).at(-1)?.text).toBe("two");
  });

  it.each([
    ["blocked for the tenant", "wei", "csv-summary"],
    ["not on the tenant's list", "clerk", "calculator"],
    ["not there at all", "wei", "../../etc/passwd"],
  ])("that is %s is refused even when the model calls it", async (_what, user, skill) => {
    const before = world.cloud.seen(user).length;
    expect(await asked(user, skill, before + 1)).toContain("[SKILL_NOT_ALLOWED]");
    expect(lastRun()).toMatchObject({ decision: "refused", code: "SKILL_NOT_ALLOWED" });
  });

  it("left a gateway that still answers", async () => {
    const ready = await fetch(`${world.gateway.url}/api/health/ready`);
    expect(ready.status).toBe(200);
  });
});
