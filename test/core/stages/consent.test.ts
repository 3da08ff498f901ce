import { afterEach, beforeEach, expect, it } from "vitest";
import type { AuditRecord } from "../../../core/audit-log.ts";
import type { Locale } from "../../../core/contract/model.ts";
import type { Reply } from "../../../core/contract/reply.ts";
import { type Consents, createConsents } from "../../../core/data-rights/consents.ts";
import type { Context } from "../../../core/stage.ts";
import { consent } from "../../../core/stages/consent.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import type { Work } from "../../../core/store/store.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { textMessage } from "../../fakes/messages.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { tenantWith, textContext } from "../../fakes/turn.ts";

const folder = temporaryFolder();
const scope = tenantScope("sales");
const wei = { channel: "test", workspaceId: "corp", senderId: "wei" };

describeStores("consent", (world) => {
  let clock: number;
  let consents: Consents;
  let records: AuditRecord[];
  let passed: string[];
  beforeEach(async () => {
    clock = Date.parse("2026-03-01T00:00:00Z");
    records = [];
    passed = [];
    consents = await process();
  });
  afterEach(() => {
    expect(JSON.stringify(records)).not.toContain("secret");
  });

  /** The ledger as one process has it. */
  const process = async () =>
    createConsents({
      ...{ store: world.store, cipher: await cipherOn(world.store, folder.path) },
      now: () => new Date(clock++),
    });
  const say = async (
    text: string,
    {
      sender = "wei",
      tenant = "sales",
      locale = "en" as Locale,
      requiresConsent = true,
      answer = async (_context: Context): Promise<Reply> => ({
        kind: "text",
        markdown: "answered",
      }),
      beforeStored = async () => {},
    } = {},
  ): Promise<Reply> => {
    const kept: Work<void>[] = [];
    const context: Context = {
      ...textContext(text, tenantWith([], { id: tenant, name: "ACME", requiresConsent })),
      message: textMessage("m", text, sender),
      locale,
      record: (record) => void records.push(record),
      keep: (work) => void kept.push(work),
    };
    const reply = await consent({ consents, now: () => new Date(clock) })(
      context,
      async (changed = context) => {
        passed.push(text);
        return answer(changed);
      },
    );
    await beforeStored();
    await world.store.write(tenantScope(tenant), async (transaction) => {
      for (const work of kept) await work(transaction);
    });
    return reply;
  };

  it("lets nothing pass before the person said yes, and everything after it", async () => {
    expect(await say("secret question")).toMatchObject({ kind: "refusal", code: "CONSENT_NEEDED" });
    expect(passed).toEqual([]);
    expect(await say("/consent yes")).toMatchObject({ markdown: expect.stringContaining("Thank") });
    expect(await say("secret question")).toMatchObject({ markdown: "answered" });
    expect(passed).toEqual(["secret question"]);
  });

  it.each([
    ["en", "ACME", "is checked against your organisation's rules"],
    ["zh-Hant", "「ACME」", "加密儲存"],
    ["zh-Hans", "“ACME”", "加密存储"],
  ] as const)("says in %s what is done with what they write", async (locale, name, what) => {
    const reply = await say("hi", { locale });
    const { markdown = "" } = reply.kind === "refusal" ? reply : {};
    for (const part of [name, what, "`/consent yes`", "`/consent no`", "[CONSENT_NEEDED]"]) {
      expect(markdown).toContain(part);
    }
  });

  it("counts a no, and a yes that is taken back, at once", async () => {
    await say("/consent yes");
    await say("hi");
    await say("CONSENT no");
    expect(await say("hi")).toMatchObject({ code: "CONSENT_NEEDED" });
    expect(passed).toEqual(["hi"]);
  });

  it("counts a no that is taken by a replica whose clock is behind", async () => {
    await say("/consent yes");
    await say("hi");
    clock -= 5_000;
    await say("/consent no");
    expect(await say("hi")).toMatchObject({ code: "CONSENT_NEEDED" });
    await say("/consent yes");
    expect(await say("hi")).toMatchObject({ markdown: "answered" });
  });

  it("keeps each decision in the ledger, with wording and time, and puts it on record", async () => {
    await say(" /Consent  YES ");
    await say("/consent no");
    const ledger = await consents.allOf(scope, { ...wei, senderId: "WEI" });
    expect(ledger.map(({ decision, wording }) => [decision, wording])).toEqual([
      ["yes", "1"],
      ["no", "1"],
    ]);
    expect(ledger.every(({ at }) => at.getTime() >= Date.parse("2026-03-01T00:00:00Z"))).toBe(true);
    expect(records.map(({ action, subject, decision }) => [action, subject, decision])).toEqual([
      ["consent", "yes", "allowed"],
      ["consent", "no", "allowed"],
    ]);
    expect(JSON.stringify(await world.sql("SELECT * FROM consents"))).not.toContain("wei");
  });

  it("takes nobody's word for somebody else, nor another tenant's", async () => {
    await say("/consent yes");
    expect(await say("hi", { sender: "mei" })).toMatchObject({ code: "CONSENT_NEEDED" });
    expect(await say("hi", { tenant: "legal" })).toMatchObject({ code: "CONSENT_NEEDED" });
    expect(passed).toEqual([]);
  });

  it("takes no other words for a yes", async () => {
    for (const text of ["yes", "/consent yes please", "/consent ja", "/consentyes", "consent"]) {
      expect(await say(text)).toMatchObject({ code: "CONSENT_NEEDED" });
    }
    expect(await consents.allOf(scope, wei)).toEqual([]);
  });

  it("asks anew when what is done with it is worded anew", async () => {
    await world.store.write(
      scope,
      await consents.prepare(scope, wei, { decision: "yes", wording: "0" }),
    );
    expect(await say("hi")).toMatchObject({ code: "CONSENT_NEEDED" });
  });

  /** Decides in another process, which this one is not told of. */
  const decideElsewhere = async (decision: "yes" | "no") => {
    const other = await process();
    await world.store.write(scope, await other.prepare(scope, wei, { decision, wording: "1" }));
  };

  it("counts at once what another process was told", async () => {
    await say("/consent yes");
    expect(await say("hi")).toMatchObject({ markdown: "answered" });
    await decideElsewhere("no");
    expect(await say("hi")).toMatchObject({ code: "CONSENT_NEEDED" });
    await decideElsewhere("yes");
    expect(await say("hi")).toMatchObject({ markdown: "answered" });
  });

  it("attack: going on with a question whose sender takes the consent back meanwhile", async () => {
    const stored: string[] = [];
    const answer = async ({ keep }: Context): Promise<Reply> => {
      keep(async () => void stored.push("remembered"));
      return { kind: "text", markdown: "answered" };
    };
    await say("/consent yes");
    const during = async (context: Context) => {
      await decideElsewhere("no");
      return answer(context);
    };
    expect(await say("hi", { answer: during })).toMatchObject({ code: "CONSENT_NEEDED" });
    await decideElsewhere("yes");
    // Between the answer and the transaction that stores it.
    await say("hi", { answer, beforeStored: () => decideElsewhere("no") });
    expect(stored).toEqual([]);
    await decideElsewhere("yes");
    expect(await say("hi", { answer })).toMatchObject({ markdown: "answered" });
    expect(stored).toEqual(["remembered"]);
  });

  it("says how things stand when asked", async () => {
    expect(await say("/consent")).toMatchObject({ code: "CONSENT_NEEDED" });
    await say("/consent yes");
    expect(await say("/consent")).toMatchObject({
      markdown: expect.stringContaining("have consented"),
    });
    expect(await say("/consent yes", { requiresConsent: false })).toMatchObject({
      markdown: expect.stringContaining("does not ask"),
    });
    expect(await say("hi", { sender: "mei", requiresConsent: false })).toMatchObject({
      markdown: "answered",
    });
  });
});
