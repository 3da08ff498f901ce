import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Tenant } from "../../../config/tenant.ts";
import { createAgent } from "../../../core/agent.ts";
import { createAuditLog } from "../../../core/audit-log.ts";
import type { ModelProvider } from "../../../core/contract/model.ts";
import { createLegalHolds, type LegalHolds } from "../../../core/memory/legal-holds.ts";
import { createMemory, type Memory } from "../../../core/memory/memory.ts";
import { createEchoProvider } from "../../../core/models/echo.ts";
import { createPipeline } from "../../../core/pipeline.ts";
import { tenantScope } from "../../../core/store/scope.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { type CoreGateway, coreGateway } from "../../fakes/core-gateway.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";
import { freeContent } from "../../fakes/safety.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";
import { forgetful, freeModels, scriptedModel, tenantWith, unlimited } from "../../fakes/turn.ts";

const folder = temporaryFolder();
const now = () => new Date();
const scope = tenantScope("sales");
const wei = { channel: "test", workspaceId: "corp", senderId: "wei" };

describeStores("conversation memory", (world) => {
  let memory: Memory;
  let holds: LegalHolds;
  let gateway: CoreGateway | undefined;
  beforeEach(async () => {
    const { store } = world;
    const cipher = await cipherOn(store, folder.path);
    memory = createMemory({ store, cipher, log: recordedLog(), now });
    holds = createLegalHolds({ store, cipher, auditLog: createAuditLog(store, cipher), now });
  });
  afterEach(async () => {
    await gateway?.stop();
    gateway = undefined;
    await memory.close();
  });

  const start = async (provider: ModelProvider, more: Partial<Tenant> = {}) => {
    const skills = { allowedFor: () => [], call: () => expect.unreachable() };
    const tenant = tenantWith([], { provider: provider.name, ...more });
    gateway = await coreGateway({
      ...{ store: world.store, folder: folder.path },
      tenants: { get: () => tenant, resolve: () => ({ kind: "tenant", tenant }) },
      pipeline: (needs) =>
        createPipeline({
          ...{ ...freeContent, ...unlimited(), ...needs, skills, now },
          ...{ ...forgetful, memory, holds },
          roles: { permissionsOf: () => ({ roles: [], has: () => true }) },
          agent: createAgent({ models: freeModels(provider), skills, now }),
          welcomed: { markToday: async () => true },
        }),
    });
    return gateway;
  };
  const say = async (id: string, text: string, sender = "wei"): Promise<string> => {
    const receipt = await gateway?.receive(textMessage(id, text, sender));
    const inline = await receipt?.inlineReply(new Promise(() => {}));
    inline?.settled(true);
    return inline?.body ?? "";
  };
  const remembered = async () =>
    (await memory.search(scope, { text: "capital", limit: 10 })).map(({ question }) => question);

  it("lets a follow-up question be understood: the model is told what was said before", async () => {
    const model = scriptedModel({ text: "Paris" }, { text: "2 million" });
    await start(model.provider);
    await say("m1", "capital of France?");
    await say("m2", "how many people live there?");
    await say("m3", "and I?", "mei");
    expect(model.requests.map(({ messages }) => messages)).toEqual([
      [{ role: "user", text: "capital of France?" }],
      [
        { role: "user", text: "capital of France?" },
        { role: "assistant", text: "Paris", toolCalls: [] },
        { role: "user", text: "how many people live there?" },
      ],
      [{ role: "user", text: "and I?" }],
    ]);
  });

  it("forgets what a person said when they say so, on record, and nobody else's", async () => {
    const model = scriptedModel({ text: "Paris" });
    const { records } = await start(model.provider);
    await say("m1", "capital of France?");
    await say("m2", "capital of Italy?", "mei");
    expect(await say("m3", " /Forget ")).toContain("Forgotten");
    expect(await remembered()).toEqual(["capital of Italy?"]);
    await say("m4", "and now?");
    expect(model.requests.at(-1)?.messages).toHaveLength(1);
    expect(records).toContainEqual(
      expect.objectContaining({ action: "memory.erase", subject: "own", decision: "allowed" }),
    );
  });

  it("forgets nothing of a person whose data must be kept, and tells them", async () => {
    await holds.hold("cli", scope, wei);
    const { records } = await start(scriptedModel({ text: "Paris" }).provider);
    await say("m1", "capital of France?");
    expect(await say("m2", "/forget")).toContain("legal hold");
    expect(await remembered()).toEqual(["capital of France?"]);
    expect(records).toContainEqual(
      expect.objectContaining({ action: "memory.erase", decision: "refused", code: "LEGAL_HOLD" }),
    );
    expect(await holds.release("cli", scope, wei)).toBe(true);
    expect(await say("m3", "/forget")).toContain("Forgotten");
    expect(await remembered()).toEqual([]);
  });

  it("remembers no refusal and no command", async () => {
    const failing: ModelProvider = {
      name: "fake",
      generate: async () => Promise.reject(new Error()),
    };
    await start(failing);
    await say("m1", "capital of France?");
    await say("m2", "/stop");
    expect(await world.sql("SELECT * FROM memory")).toEqual([]);
  });

  it("reads nothing for a model that looks at the last question alone", async () => {
    const recent = vi.spyOn(memory, "recent");
    await start(createEchoProvider("echo"));
    expect(await say("m1", "capital of France?")).toBe("capital of France?");
    await say("m2", "capital of Italy?");
    expect(recent).not.toHaveBeenCalled();
    expect(await remembered()).toHaveLength(2);
  });
});
