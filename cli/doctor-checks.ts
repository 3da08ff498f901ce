import { randomBytes } from "node:crypto";
import { seal } from "../channels/wecom/envelope.ts";
import type { LoadedSettings } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import { type WecomAppSettings, wecomApps } from "../config/wecom-apps.ts";
import { type Depth, readDepths } from "../core/operators/depths.ts";
import { openStore } from "../core/store/open-store.ts";
import type { Store } from "../core/store/store.ts";
import { createSandbox } from "../sandbox/openshell.ts";
import { listenerProblem } from "./listener.ts";
import { enginesFolder } from "./open-sandbox.ts";
import { sandboxWords } from "./sandbox-words.ts";
import { embeddedFolder, storeLocation } from "./storage.ts";

const TIMEOUT_MS = 3_000;
const CLOCK_TOLERANCE_MS = 60_000;

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
  const apps = wecomApps(settings);
  return [
    listenerFinding(settings),
    await storeFinding(settings),
    await sandboxFinding(settings),
    await clockFinding(apps[0]?.api_base_url),
    ...(await Promise.all(apps.map((app) => callbackFinding(app, settings)))),
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

/** Our clock against the platform's: a callback older than the replay window is refused. */
const clockFinding = async (platform: string | undefined): Promise<Finding> => {
  const text = `${new Date().toISOString()}`;
  try {
    if (platform === undefined) throw new Error("no channel is on");
    const response = await fetch(platform, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const theirs = Date.parse(response.headers.get("date") ?? "");
    const offMs = Math.abs(Date.now() - theirs);
    if (Number.isNaN(offMs)) throw new Error("it sends no date");
    return offMs <= CLOCK_TOLERANCE_MS
      ? { check: "clock", state: "ok", text: `${text}, as ${new URL(platform).host} has it` }
      : {
          check: "clock",
          state: "bad",
          text: `${Math.round(offMs / 1000)} s off ${new URL(platform).host}`,
          remedy: "set the clock (timedatectl set-ntp true): callbacks are refused as too old",
        };
  } catch {
    const why = platform === undefined ? "no platform" : `${new URL(platform).host} not reachable`;
    return { check: "clock", state: "unknown", text: `${text}; ${why} to compare with` };
  }
};

/** Asks the running gateway what WeCom asks when the callback URL is saved. */
const callbackFinding = async (app: WecomAppSettings, settings: Settings): Promise<Finding> => {
  const { server } = settings;
  const base =
    server.public_url ?? `${server.tls ? "https" : "http"}://${server.host}:${server.port}`;
  const url = new URL(app.webhook_path, base);
  const check = "callback";
  const challenge = randomBytes(16).toString("hex");
  const timestamp = String(Math.floor(Date.now() / 1000));
  const sealed = seal(challenge, app, app.corp_id, timestamp, randomBytes(8).toString("hex"));
  url.search = new URLSearchParams({
    msg_signature: sealed.signature,
    timestamp,
    nonce: sealed.nonce,
    echostr: sealed.encrypt,
  }).toString();
  const shown = `${url.origin}${url.pathname}`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if ((await response.text()) === challenge)
      return { check, state: "ok", text: `${shown} answers` };
    return {
      check,
      state: "bad",
      text: `${shown} answered ${response.status}, not what was asked`,
      remedy:
        "is this gateway, with these settings, behind that address? Restart it after a change",
    };
  } catch {
    return {
      check,
      state: "bad",
      text: `${shown} does not answer`,
      remedy: "start the gateway (npm start), and let server.public_url reach it",
    };
  }
};

const messageOf = (cause: unknown): string => {
  const root = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return root instanceof Error ? root.message : String(root);
};
