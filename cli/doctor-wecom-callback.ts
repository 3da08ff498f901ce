import { randomBytes } from "node:crypto";
import { sealAsPlatform } from "../channels/wecom/platform-envelope.ts";
import type { Settings } from "../config/schema.ts";
import type { WecomAppSettings } from "../config/wecom-apps.ts";
import { bad, type Finding, ok } from "./finding.ts";
import { gatewayUrl } from "./gateway-url.ts";

const TIMEOUT_MS = 3_000;

type KeyPair = Pick<WecomAppSettings, "token" | "encoding_aes_key">;

/**
 * Asks the running gateway what WeCom asks when a callback URL is saved, with every key pair.
 * @param check what the finding is called
 * @param receiveId of a self-built application its corp's id, of a bot the empty text
 */
export const callbackFinding = async (
  check: string,
  keys: Pick<WecomAppSettings, "webhook_path" | "token" | "encoding_aes_key" | "previous">,
  receiveId: string,
  settings: Settings,
): Promise<Finding> => {
  const url = new URL(keys.webhook_path, gatewayUrl(settings));
  const shown = `${url.origin}${url.pathname}`;
  try {
    for (const [index, pair] of [keys, ...keys.previous].entries()) {
      const answer = await verify(url, pair, receiveId);
      if (answer.isEcho) continue;
      const which = index === 0 ? "" : ` with previous key pair ${index}`;
      return bad(
        check,
        `${shown} answered ${answer.status}${which}, not what was asked`,
        "is this gateway, with these settings, behind that address? Restart it after a change",
      );
    }
    if ((await verify(url, keys, `${receiveId}x`)).isEcho) {
      return bad(
        check,
        `${shown} answers for another corp (receiveid)`,
        "what answers there does not check receiveid: it is not this gateway",
      );
    }
  } catch {
    return bad(
      check,
      `${shown} does not answer`,
      "start the gateway (npm start), and let server.public_url reach it",
    );
  }
  const pairs = keys.previous.length === 0 ? "" : `, with ${keys.previous.length + 1} key pairs`;
  return ok(check, `${shown} answers${pairs}`);
};

const verify = async (
  at: URL,
  pair: KeyPair,
  receiveId: string,
): Promise<{ readonly isEcho: boolean; readonly status: number }> => {
  const challenge = randomBytes(16).toString("hex");
  const timestamp = String(Math.floor(Date.now() / 1000));
  const nonce = randomBytes(8).toString("hex");
  const sealed = sealAsPlatform(challenge, pair, receiveId, timestamp, nonce);
  const url = new URL(at);
  url.search = new URLSearchParams({
    msg_signature: sealed.signature,
    timestamp,
    nonce: sealed.nonce,
    echostr: sealed.encrypt,
  }).toString();
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  return { isEcho: (await response.text()) === challenge, status: response.status };
};
