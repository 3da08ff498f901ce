import { type FileHandle, open } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Directory, Receipt } from "../../core/contract/channel.ts";
import type { InboundMessage } from "../../core/contract/message.ts";
import type { Reply } from "../../core/contract/reply.ts";
import type { Pipeline } from "../../core/pipeline.ts";
import type { Classifier } from "../../core/safety/classifiers/classifier.ts";
import { classify } from "../../core/safety/classifiers/classify.ts";
import { createSkillRunner } from "../../core/skill-runner.ts";
import type { Context } from "../../core/stage.ts";
import { tenantScope } from "../../core/store/scope.ts";
import { openSqliteStore } from "../../core/store/sqlite-store.ts";
import type { Store } from "../../core/store/store.ts";
import { type FakeChannel, fakeChannel } from "../fakes/channel.ts";
import { cipherOn } from "../fakes/cipher.ts";
import { type CoreGateway, type CoreGatewayOptions, coreGateway } from "../fakes/core-gateway.ts";
import { eventually } from "../fakes/eventually.ts";
import { textMessage } from "../fakes/messages.ts";
import { freeContent } from "../fakes/safety.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { fakeSandbox, freeModels, recordedAudit, scriptedModel } from "../fakes/turn.ts";

// A message may begin its turn before it would survive a power loss, if its response is held open. What
// this promises is tested with a disk that does not sync until it is let go.

const folder = temporaryFolder();
const never = new Promise<void>(() => {});
const said = (markdown: string): Reply => ({ kind: "text", markdown });
const echo = async ({ message }: Context): Promise<Reply> =>
  said(message.content.kind === "text" ? message.content.text : "");
/** Whose turns end only when the gateway goes down. */
const endless: Pipeline = ({ signal: { abortSignal } }) =>
  new Promise((_resolve, reject) => {
    abortSignal.addEventListener("abort", () => reject(abortSignal.reason));
  });

let store: Store;
let gateway: CoreGateway | undefined;
/** Ends the sync that is under way, and lets all later ones through. */
let letGo: (cause?: Error) => void;

/** From here on a sync waits until it is let go. */
const holdDisk = async (): Promise<void> => {
  const handle = await open(import.meta.filename);
  await handle.close();
  const going = new Promise<void>((resolve, reject) => {
    letGo = (cause) => (cause ? reject(cause) : resolve());
  });
  going.catch(() => {});
  vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, "datasync").mockReturnValue(going);
};

const start = async (
  pipeline: Pipeline,
  options: Partial<CoreGatewayOptions> = {},
): Promise<CoreGateway> => {
  const parts = { store, folder: folder.path, pipeline: () => pipeline };
  gateway = await coreGateway({ ...parts, ...options });
  // Its tenant's key is made before its first message is stored, and that is on disk.
  await (await cipherOn(store, folder.path)).of(tenantScope("sales"));
  await holdDisk();
  return gateway;
};

beforeEach(async () => {
  store = await openSqliteStore(folder.path);
});
afterEach(async () => {
  letGo();
  // A store that has failed does not take the end of the lease either.
  await gateway?.stop().catch(() => {});
  await store.close();
  vi.restoreAllMocks();
});

/** Long enough for whatever does not wait for the disk. */
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
};
const isOver = async (work: Promise<unknown>): Promise<boolean> => {
  let over = false;
  const note = (): void => {
    over = true;
  };
  work.then(note, note);
  await turns();
  return over;
};

describe("a response that is held open", () => {
  it("gets the reply of a turn that began and ended before anything of it was synced, after one sync", async () => {
    const pipeline = vi.fn(echo);
    const { receive } = await start(pipeline);
    const receipt = await receive(textMessage("m1", "hi"), true);
    const reply = receipt.inlineReply(never);
    await eventually(() => expect(pipeline).toHaveBeenCalledTimes(1));
    expect(await isOver(reply)).toBe(false);
    letGo();
    expect((await reply)?.body).toBe("hi");
    expect(await store.read("intake", () => true)).toBe(true);
  });

  it("is not answered without a reply either before its message is on disk", async () => {
    const { receive } = await start(endless);
    const receipt = await receive(textMessage("m1", "hi"), true);
    expect(await receipt.inlineReply(Promise.resolve())).toBeUndefined();
    const durable = receipt.durable?.() ?? Promise.resolve();
    expect(await isOver(durable)).toBe(false);
    letGo();
    await durable;
  });

  it("learns that its message is not on disk after all", async () => {
    const { receive } = await start(echo);
    const receipt = await receive(textMessage("m1", "hi"), true);
    const reply = receipt.inlineReply(never);
    letGo(new Error("EIO: i/o error"));
    expect(await reply).toBeUndefined();
    await expect(receipt.durable?.()).rejects.toThrow("the disk did not keep");
  });

  const isTaken = async (receipt: Promise<Receipt>): Promise<void> => {
    expect(await isOver(receipt)).toBe(false);
    letGo();
    expect((await receipt).durable).toBeUndefined();
  };

  it("has to be said: else a message is received once it is on disk, and its turn begins after that", async () => {
    const pipeline = vi.fn(echo);
    const { receive } = await start(pipeline);
    const received = receive(textMessage("m1", "hi"));
    expect(await isOver(received)).toBe(false);
    expect(pipeline).not.toHaveBeenCalled();
    await isTaken(received);
  });

  it("brings forward no message behind another one of its lane", async () => {
    const { receive } = await start(endless);
    await receive(textMessage("m1", "hi"), true);
    await isTaken(receive(textMessage("m2", "hi"), true));
  });

  it("does not let a redelivery be acknowledged sooner, nor one that comes while too much waits", async () => {
    let isFull = false;
    const { receive } = await start(endless, { isFull: () => isFull });
    await receive(textMessage("m1", "hi"), true);
    const again = receive(textMessage("m1", "hi"), true);
    isFull = true;
    const whileFull = receive(textMessage("m1", "hi"), true);
    expect(await isOver(Promise.race([again, whileFull]))).toBe(false);
    letGo();
    expect(await again).toMatchObject({ isNew: false });
    expect(await whileFull).toMatchObject({ isNew: false });
  });
});

describe("what can be seen outside the store waits until the message is on disk:", () => {
  const seen: string[] = [];
  const see = (what: string): void => void seen.push(what);
  beforeEach(() => {
    seen.length = 0;
  });
  const channelWith = (more: Partial<FakeChannel>): FakeChannel => ({ ...fakeChannel(), ...more });

  const askModel: Pipeline = async (context) => {
    const { provider } = scriptedModel(() => {
      see("a model's call");
      return { text: "hello" };
    });
    const choice = { provider: "fake", model: "fake-1", region: "on-prem" } as const;
    const request = { instructions: "", messages: [], tools: [], locale: "en" } as const;
    await freeModels(provider).begin(context, [choice]).ask(request);
    return said("hello");
  };

  const runSkill: Pipeline = async (context) => {
    const { sandbox } = fakeSandbox();
    const runner = createSkillRunner({
      skills: new Map([["sum", SKILL]]),
      sandbox: {
        ...sandbox,
        run: (...run) => {
          see("a skill");
          return sandbox.run(...run);
        },
      },
      limitsFor: () => LIMITS,
      egressFor: () => "none",
      safetyOf: freeContent.safetyOf,
      auditLog: recordedAudit(),
      now: () => new Date(),
    });
    const tenant = { ...context.tenant, skillVerdict: () => "allowed" as const };
    await runner.call({ id: "1", name: "sum", argumentsJson: "{}" }, { ...context, tenant });
    return said("hello");
  };

  const askClassifier: Pipeline = async (context) => {
    const classifier: Classifier = {
      name: "fake",
      region: "on-prem",
      maxUnits: 100,
      classify: async () => {
        see("a classifier's call");
        return { action: "allow", labels: [] };
      },
    };
    await classify("hi", [classifier], () => true, context);
    return said("hello");
  };

  const openFile: Pipeline = async ({ openAttachment }) => {
    await openAttachment?.({ kind: "file", name: "a.csv", ref: "1" });
    return said("hello");
  };

  const directory: Directory = {
    known: async () => undefined,
    lookUp: async () => {
      see("a look into the directory");
      return undefined;
    },
    isNeeded: () => true,
  };
  const partial = { kind: "text", text: "hi", isPartial: true } as const;
  const message = textMessage("m1", "hi");
  const cannotCarry = () => false;

  it.each<[what: string, pipeline: Pipeline, channel: Partial<FakeChannel>, InboundMessage]>([
    ["a model's call", askModel, {}, message],
    ["a skill", runSkill, {}, message],
    ["a classifier's call", askClassifier, {}, message],
    [
      "a file",
      openFile,
      {
        openAttachment: async () => {
          see("a file");
          return new ReadableStream();
        },
      },
      message,
    ],
    ["a look into the directory", echo, { directory }, message],
    ["the sign of work", echo, { working: () => see("the sign of work") }, message],
    [
      "the rest of a message",
      echo,
      {
        complete: async (told) => {
          see("the rest of a message");
          return told;
        },
      },
      { ...message, content: partial },
    ],
    [
      "a suggestion",
      async ({ suggest }) => {
        suggest?.([]);
        return said("hello");
      },
      { suggest: () => see("a suggestion") },
      message,
    ],
    [
      "a send",
      echo,
      {
        send: async () => {
          see("a send");
          return { kind: "delivered" };
        },
      },
      message,
    ],
  ])("%s", async (what, pipeline, channel, received) => {
    const { receive } = await start(pipeline, { channels: [channelWith(channel)] });
    const receipt = await receive(received, true);
    const reply = receipt.inlineReply(never, what === "a send" ? cannotCarry : undefined);
    await turns();
    expect(seen).toEqual([]);
    expect(await isOver(reply)).toBe(false);
    letGo();
    await reply;
    await eventually(() => expect(seen).toEqual([what]));
  });
});

const LIMITS = {
  ...{ wallMs: 1, cpuMs: 1, memoryBytes: 1, pids: 1, files: 1 },
  ...{ egressBytesPerSecond: 1, diskBytes: 1, outputBytes: 1 },
};

const SKILL = {
  name: "sum",
  description: "adds",
  instructions: "How to add.",
  folder: "/skills/sum",
  files: new Map(),
  digest: "d1",
  entry: { path: "scripts/run.py", language: "python" },
  risk: "low",
  egress: [],
  secrets: [],
  limits: {},
  inputProblem: () => undefined,
  outputProblem: () => undefined,
} as const;
