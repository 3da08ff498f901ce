import type { LoadedSettings } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import { type Depth, readDepths } from "../core/operators/depths.ts";
import { openStore } from "../core/store/open-store.ts";
import type { Store } from "../core/store/store.ts";
import { createSandbox } from "../sandbox/openshell.ts";
import { examineDiscord } from "./doctor-discord.ts";
import { examineSlack } from "./doctor-slack.ts";
import { examineWecom } from "./doctor-wecom.ts";
import { listenerProblem } from "./listener.ts";
import { enginesFolder } from "./open-sandbox.ts";
import { sandboxWords } from "./sandbox-words.ts";
import { embeddedFolder, storeLocation } from "./storage.ts";

/** What was found of one thing. `unknown` = could not be judged from here; it fails nothing. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "bad" | "unknown";
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Looks at everything but the settings themselves; works beside a running gateway. */
export const examine = async ({ settings }: LoadedSettings): Promise<readonly Finding[]> => {
  return [
    listenerFinding(settings),
    await storeFinding(settings),
    await sandboxFinding(settings),
    ...(await examineWecom(settings)),
    ...(await examineSlack(settings)),
    ...(await examineDiscord(settings)),
  ];
};

const listenerFinding = ({ server }: Settings): Finding => {
  const problem = listenerProblem(server);
  return problem === undefined
    ? { check: "listener", state: "ok", text: `${server.host}:${server.port}` }
    : { check: "listener", state: "bad", text: "start would refuse", remedy: problem };
};

const storeFinding = async (settings: Settings): Promise<Finding> => {
  let store: Store | undefined;
  try {
    store = await openStore(storeLocation(settings));
    const depths = await readDepths(store, new Date());
    const count = (state: Depth["state"]) =>
      depths.reduce((sum, depth) => sum + (depth.state === state ? depth.messages : 0), 0);
    const place = embeddedFolder(settings) ?? "PostgreSQL";
    const text = `${place}: ${count("waiting")} messages waiting, ${count("dead")} dead letters`;
    return { check: "store", state: "ok", text };
  } catch (cause) {
    return {
      check: "store",
      state: "bad",
      text: messageOf(cause),
      remedy:
        embeddedFolder(settings) === undefined
          ? "let this machine reach PostgreSQL with the role of storage.url"
          : "make the folder of storage.url writable for the user who runs the gateway",
    };
  } finally {
    await store?.close();
  }
};

const sandboxFinding = async (settings: Settings): Promise<Finding> => {
  const sandbox = createSandbox({
    ...settings.openshell,
    enginesFolder,
    auditSink: "none", // it probes and runs nothing
    warmPool: "off",
    log: { info: () => {}, warn: () => {} },
  });
  try {
    const status = await sandbox.status();
    return status.ok
      ? {
          check: "sandbox",
          state: "ok",
          text: sandboxWords(status, settings.openshell).join(`\n${" ".repeat(20)}`),
        }
      : {
          check: "sandbox",
          state: "bad",
          text: `skills are off: ${status.reason}`,
          remedy: "run `npm start` once as root: it installs what is missing",
        };
  } finally {
    await sandbox.close();
  }
};

const messageOf = (cause: unknown): string => {
  const root = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return root instanceof Error ? root.message : String(root);
};
