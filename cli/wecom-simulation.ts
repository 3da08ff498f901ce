import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isUserId, type WecomApp } from "../channels/wecom/types.ts";
import type { Settings } from "../config/schema.ts";
import type { RefusalCode } from "../core/contract/reply.ts";
import type { SaidKind } from "./said-kinds.ts";
import { needsText } from "./wecom-said.ts";
import { type StandIn, type StandInOptions, startStandIn } from "./wecom-stand-in.ts";

/** What somebody does in WeCom, to the application or to a bot. */
export interface Simulation {
  readonly settings: Settings;
  /** The settings file, for messages. */
  readonly source: string;
  /** Default: a text. */
  readonly kind?: SaidKind;
  readonly text: string;
  /** A file of this machine that comes along; default: a few invented bytes. */
  readonly file?: string | undefined;
  /** Delivers the callback three times, as the cloud does when it hears nothing. */
  readonly retries?: "identical" | "reencrypted" | undefined;
  /** Errcodes that the first calls of message/send are answered with. */
  readonly faults?: readonly number[];
  readonly userId: string;
  /** How long the answer may take to begin; one that has begun is heard to its end. */
  readonly timeoutMs: number;
  /** Something that the person at the terminal should know meanwhile. */
  readonly notice: (line: string) => void;
}

/** What somebody does to an intelligent bot. */
export interface BotSimulation extends Simulation {
  /** Which bot; absent = the first. */
  readonly botId?: string | undefined;
  /** The id of a group where the bot is mentioned; absent = alone with it. */
  readonly group?: string | undefined;
  /** What the person refers to. */
  readonly quote?: string | undefined;
  /** The real one asks about once a second. */
  readonly pollMs?: number;
}

/** How the conversation went. `ms` runs from the callback to the answer's last byte. */
export type Simulated =
  | {
      readonly kind: "answered";
      readonly answer: string;
      /** How it began; of an intelligent bot, a `stream` that grew, or its long connection. */
      readonly via: "passive" | "message_send" | "stream" | "response_url" | "link";
      readonly parts: number;
      /** Of a stream: how often something new was shown. */
      readonly frames?: number;
      readonly ms: number;
      /** HTTP status of the callback. */
      readonly status: number | undefined;
      /** Of the refusal, when the answer is one. */
      readonly code?: RefusalCode;
    }
  | {
      readonly kind: "unanswered";
      readonly problem: string;
      readonly ms: number;
      readonly status: number | undefined;
      readonly code:
        | "GATEWAY_NOT_RUNNING"
        | "CALLBACK_REFUSED"
        | "REPLY_UNREADABLE"
        | "API_PORT_BUSY"
        | "TIMED_OUT";
    }
  /** An event was taken, and met with silence. */
  | { readonly kind: "acknowledged"; readonly ms: number; readonly status: number | undefined }
  | { readonly kind: "misuse"; readonly problem: string };

/** An event that nobody answers by then is met with silence. */
export const SILENCE_MS = 2_000;

export const misuse = (problem: string): Simulated => ({ kind: "misuse", problem });

/** What is wrong with a simulation, whoever is spoken to; undefined when nothing is. */
export const misuseOf = (simulation: Simulation): string | undefined => {
  const { settings, source, userId, text, kind = "text" } = simulation;
  if (settings.server.port === 0) return `server.port is 0 in ${source}: name the real port`;
  if (!isUserId(userId)) return "--user: expected a userid: letters, digits and _ - @ .";
  if (text !== "" || !needsText(kind)) return undefined;
  return kind === "text" ? "TEXT is empty: WeCom sends no empty text" : `--kind ${kind} needs TEXT`;
};

/** Somebody else is where the gateway sends its calls. */
export const portBusy = (
  address: string,
  setting: "api_base_url" | "bots[].ws_url",
  ms: number,
): Simulated => ({
  kind: "unanswered",
  problem:
    `${address} (channels.wechat_work.${setting}) is taken by another program, ` +
    "perhaps another `clawgate simulate`: end it and try again",
  ms,
  status: undefined,
  code: "API_PORT_BUSY",
});

/** What comes along, or why it cannot. */
export const mediaOf = ({ file }: Simulation): NonNullable<StandInOptions["media"]> | string => {
  const id = `SIMULATED_${randomBytes(8).toString("hex")}`;
  if (file === undefined) return { id, name: "simulated.txt", bytes: Buffer.from("simulated\n") };
  try {
    return { id, name: basename(file), bytes: readFileSync(file) };
  } catch (cause) {
    return `--file ${file}: ${cause instanceof Error ? cause.message : "cannot be read"}`;
  }
};

/** Where later answers arrive; undefined when they go somewhere that is not ours to be. */
export const openApi = async (
  app: WecomApp | undefined,
  apiBaseUrl: string,
  notice: (line: string) => void,
  deadline: AbortSignal,
  options: StandInOptions,
): Promise<StandIn | "busy" | undefined> => {
  const url = new URL(apiBaseUrl);
  const isOurs = url.protocol === "http:" && LOOPBACK.test(url.hostname);
  if (isOurs) return startStandIn(app, url, notice, deadline, options);
  notice(
    `the gateway sends later answers to ${url.origin}, which is not plain HTTP on loopback: ` +
      "waiting for what its responses bring only",
  );
  return undefined;
};

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
