import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { registerMemory } from "../../cli/memory.ts";
import { loadSettings } from "../../config/load.ts";
import { createAuditReader } from "../../core/audit/read-log.ts";
import { openSigningKey } from "../../core/audit/signing-key.ts";
import { createAuditLog } from "../../core/audit-log.ts";
import { createMemory } from "../../core/memory/memory.ts";
import { openStore } from "../../core/store/open-store.ts";
import { PLATFORM_SCOPE, tenantScope } from "../../core/store/scope.ts";
import type { Store } from "../../core/store/store.ts";
import { cipherOn } from "../fakes/cipher.ts";
import { recordedLog } from "../fakes/log.ts";
import { textMessage } from "../fakes/messages.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();
const now = () => new Date("2026-03-01T00:00:00Z");
const run = (...words: readonly string[]) =>
  runVerb(registerMemory, folder.path, ["memory", ...words, "--settings", "settings.json"]);

const writeSettings = (...ids: readonly string[]): void =>
  writeFileSync(
    join(folder.path, "settings.json"),
    JSON.stringify({
      storage: { url: "file:./data" },
      multi_tenant: { enabled: true, tenants: ids.map((id) => ({ id, name: id })) },
    }),
  );

describe("clawgate memory", () => {
  let store: Store;
  beforeEach(async () => {
    writeSettings("sales", "legal");
    const settings = { path: "settings.json", env: {}, cwd: folder.path };
    store = await openStore({ url: loadSettings(settings).settings.storage.url });
    for (const [tenant, sender, question] of [
      ["sales", "wei", "spring budget\u001b[31m"],
      ["sales", "mei", "autumn budget"],
      ["legal", "wei", "budget of the lawsuit"],
    ] as const) {
      const cipher = await cipherOn(store, join(folder.path, "data"));
      const memory = createMemory({ store, cipher, log: recordedLog(), now });
      const message = { ...textMessage("m", "", sender), channel: "slack" };
      const scope = tenantScope(tenant);
      const exchange = { question, answer: "ok", isSensitive: false };
      await store.write(scope, await memory.prepare(scope, message, exchange));
      await memory.close();
    }
  });
  afterEach(() => store.close());

  it("search finds one tenant's words, narrows to a person, and says when there is nothing", async () => {
    const { code, out } = await run("search", "budget", "--tenant", "sales", "--json");
    expect(code).toBe(0);
    const { tenant, results } = JSON.parse(out);
    expect(tenant).toBe("sales");
    expect(results.map(({ user, text }: Record<string, string>) => [user, text]).sort()).toEqual([
      ["mei", "autumn budget"],
      ["wei", "spring budget\u001b[31m"],
    ]);
    const words = ["search", "budget", "--tenant", "sales", "--user", "slack:corp:mei"];
    const one = await run(...words);
    expect(one).toMatchObject({
      code: 0,
      out: expect.stringContaining("    autumn budget\n    ok"),
    });
    expect(one.out).not.toContain("spring");
    expect(await run("search", "lawsuit", "--tenant", "sales")).toMatchObject({ code: 1 });
  });

  it("shows a terminal nothing that it would obey", async () => {
    const { out } = await run("search", "spring", "--tenant", "sales");
    expect(out).toContain("spring budget");
    expect(out).not.toContain("\u001b");
    expect((await run("search", " ", "--tenant", "sales")).code).toBe(2);
  });

  it("hold and release put themselves on record, by a hash of the person", async () => {
    const user = ["--tenant", "sales", "--user", "slack:corp:wei"];
    expect(await run("release", ...user)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no hold/),
    });
    expect(await run("hold", ...user)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/nothing is erased/),
    });
    expect(await run("hold", "--tenant", "sales")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/everybody/),
    });
    expect(await run("release", ...user, "--json")).toMatchObject({
      code: 0,
      out: '{"ok":true}\n',
    });
    const audit = createAuditLog(store);
    const cipher = await cipherOn(store, join(folder.path, "data"));
    const reader = createAuditReader({ store, cipher, auditLog: audit, now });
    const { entries } = await reader.page("cli", tenantScope("sales"), { limit: 10 });
    expect(entries.map(({ action, subject, actor }) => [action, subject, actor])).toEqual([
      ["memory.hold", "person", "cli"],
      ["memory.hold", "tenant", "cli"],
      ["memory.release", "person", "cli"],
    ]);
    expect(JSON.stringify(entries)).not.toContain("wei");
  });

  it("export prints all that is stored about a person, erase a certificate that verify checks", async () => {
    const wei = ["--tenant", "sales", "--user", "slack:corp:wei"];
    const { code, out } = await run("export", ...wei);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ...{ kind: "person_export", tenant: "sales", person: "slack:corp:wei" },
      memory: [{ text: "spring budget\u001b[31m", answer: "ok" }],
      ...{ messages: [], consents: [], waiting_for_review: [], audit: [] },
    });
    expect(await run("erase", ...wei)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/add --yes/),
    });
    expect(JSON.parse((await run("export", ...wei)).out).memory).toHaveLength(1);

    const erased = await run("erase", ...wei, "--yes");
    const certificate = JSON.parse(erased.out);
    expect(certificate).toMatchObject({ person: "slack:corp:wei", erased: { exchanges: 1 } });
    expect(JSON.parse((await run("export", ...wei)).out).memory).toEqual([]);
    const file = join(folder.path, "certificate.json");
    writeFileSync(file, erased.out);
    expect(await run("verify", file)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ours and unchanged/),
    });
    writeFileSync(file, erased.out.replace('"exchanges": 1', '"exchanges": 2'));
    expect(await run("verify", file)).toMatchObject({ code: 1, out: expect.stringMatching(/BAD/) });
    const told = await run("verify", file, "--json");
    expect(told).toMatchObject({ code: 1, out: expect.stringMatching(/"NOT_CERTIFIED"/) });
    const publicKey = openSigningKey(join(folder.path, "data", "audit-signing.key")).publicPem;
    writeFileSync(join(folder.path, "public.pem"), publicKey);
    writeFileSync(file, erased.out);
    expect(await run("verify", file, "--public-key", "public.pem")).toMatchObject({ code: 0 });
    expect(await run("verify", file, "--json")).toMatchObject({ code: 0, out: '{"ok":true}\n' });
  });

  it("verify names a certificate that is not there before it asks for a key", async () => {
    await expect(run("verify", "none.json")).rejects.toThrow(/the certificate: cannot read none/);
  });

  it("erase refuses what a legal hold keeps, and a tenant that is still in the settings", async () => {
    const wei = ["--tenant", "sales", "--user", "slack:corp:wei"];
    await run("hold", ...wei);
    const refused = await run("erase", ...wei, "--yes");
    expect(refused).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(/legal hold .* nothing was erased/),
    });
    const tenant = await run("erase", "--tenant", "sales", "--yes");
    expect(tenant).toMatchObject({
      code: 2,
      err: expect.stringMatching(/in the settings: take it out first/),
    });
  });

  it("attack: erasing the platform's own keys, and with them every operator's", async () => {
    const keys = async () => {
      const cipher = await cipherOn(store, join(folder.path, "data"));
      return (await cipher.of(PLATFORM_SCOPE)).fingerprint("the same key");
    };
    const before = await keys();
    const { code, err } = await run("erase", "--tenant", "_platform", "--yes");
    expect([code, err]).toEqual([2, expect.stringMatching(/_platform is no tenant/)]);
    expect(await keys()).toEqual(before);
  });

  it("erases a tenant that is out of the settings", async () => {
    await run("search", "budget", "--tenant", "legal");
    writeSettings("sales");
    expect(await run("erase", "--tenant", "legal", "--yes")).toMatchObject({
      code: 0,
      out: expect.stringMatching(/"person": null/),
    });
    const cipher = await cipherOn(store, join(folder.path, "data"));
    const memory = createMemory({ store, cipher, log: recordedLog(), now });
    expect(await memory.search(tenantScope("legal"), { text: "budget", limit: 9 })).toEqual([]);
    await memory.close();
    expect(await run("search", "budget", "--tenant", "sales")).toMatchObject({ code: 0 });
  });

  it("knows who wrote in a direct chat of Discord, which lies in no guild", async () => {
    const cipher = await cipherOn(store, join(folder.path, "data"));
    const memory = createMemory({ store, cipher, log: recordedLog(), now });
    const message = { ...textMessage("m", "", "81"), channel: "discord", workspaceId: "" };
    const exchange = { question: "my salary", answer: "a secret", isSensitive: false };
    const scope = tenantScope("sales");
    await store.write(scope, await memory.prepare(scope, message, exchange));
    await memory.close();
    const found = await run("search", "salary", "--tenant", "sales");
    const [, person = ""] = /(discord:\S*)/.exec(found.out) ?? [];
    const whose = ["--tenant", "sales", "--user", person];
    expect((await run("export", ...whose)).out).toContain("a secret");
    expect(await run("erase", ...whose, "--yes")).toMatchObject({ code: 0 });
    expect(await run("search", "salary", "--tenant", "sales")).toMatchObject({ code: 1 });
    for (const nobody of ["slack::U1", "wechat_work::wei", "discord::"]) {
      expect(await run("export", "--tenant", "sales", "--user", nobody)).toMatchObject({ code: 2 });
    }
  });

  it("refuses a tenant that is not there and a person who is not written as one", async () => {
    for (const verb of [["search", "budget"], ["hold"], ["export", "--user", "slack:T1:U1"]]) {
      expect(await run(...verb, "--tenant", "nobody")).toMatchObject({
        code: 1,
        out: "",
        err: expect.stringContaining('no tenant "nobody"; it has: '),
      });
    }
    const words = ["search", "budget", "--tenant", "sales", "--user", "wei"];
    expect(await run(...words)).toMatchObject({
      code: 2,
      err: expect.stringContaining("channel:workspace:user"),
    });
  });
});
