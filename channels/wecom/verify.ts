import { PayloadError, SignatureError } from "../../core/contract/errors.ts";
import { isSignedWith, open, type Sealed } from "./envelope.ts";
import { readFields } from "./fields.ts";
import { queryValue } from "./query.ts";
import { readXml } from "./read-xml.ts";
import { type CallbackKeys, CHANNEL, type KeyPair, type WecomApp } from "./types.ts";
import { XmlError } from "./xml.ts";

/** What the platform said, proven to come from it. */
export interface Verified {
  readonly text: string;
  /** The pair that the platform uses now; an answer must use the same. */
  readonly pair: KeyPair;
  readonly isCurrentPair: boolean;
}

/**
 * Reads the GET that the administration console sends when the callback URL is saved, and at any
 * time after. `receiveId` is the corp's id, and empty for a bot. Throws PayloadError or SignatureError.
 * @see https://developer.work.weixin.qq.com/document/path/90930
 */
export const verifyUrl = (
  keys: CallbackKeys,
  receiveId: string,
  query: string,
  now: Date,
): Verified => {
  const pairs = query.split("&");
  return unseal(
    keys,
    receiveId,
    sealedBy(pairs, () => queryValue(pairs, "echostr")),
    now,
  );
};

/** Reads a callback's POST. Throws PayloadError when it is unreadable, SignatureError when it is not the platform's. */
export const verifyCallback = (app: WecomApp, query: string, body: Buffer, now: Date): Verified =>
  verifyEnvelope(app, app.corp_id, query, () => readEnvelope(app, body), now);

/** The same for an envelope of any form, which `readEncrypted` finds the ciphertext in. */
export const verifyEnvelope = (
  keys: CallbackKeys,
  receiveId: string,
  query: string,
  readEncrypted: () => string,
  now: Date,
): Verified => unseal(keys, receiveId, sealedBy(query.split("&"), readEncrypted), now);

/** Checks the signature, then the clock, then opens: in this order, for every request. */
const unseal = (keys: CallbackKeys, receiveId: string, sealed: Sealed, now: Date): Verified => {
  const signers = pairsOf(keys).filter((pair) => isSignedWith(pair.token, sealed));
  if (signers.length === 0) throw new SignatureError(CHANNEL, "SIGNATURE");
  assertFresh(sealed.timestamp, keys.replay_window_s, now);
  // Pairs may share the token when only the key was changed, so each signer has to try.
  let verified: Verified | undefined;
  let isForeign = false;
  for (const pair of signers) {
    const opening = open(sealed.encrypt, pair.encoding_aes_key, receiveId);
    if (!opening.isOpen) {
      if (opening.reason === "RECEIVE_ID") isForeign = true;
      continue;
    }
    if (verified) throw new SignatureError(CHANNEL, "KEY_PAIR_AMBIGUOUS");
    verified = { text: opening.text, pair, isCurrentPair: pair === keys };
  }
  if (!verified) throw new SignatureError(CHANNEL, isForeign ? "RECEIVE_ID" : "CIPHERTEXT");
  return verified;
};

/** The current pair first; a pair that is listed again is the same pair. */
const pairsOf = (keys: CallbackKeys): readonly KeyPair[] => {
  const pairs: KeyPair[] = [keys];
  for (const pair of keys.previous) {
    const isKnown = pairs.some(
      (known) => known.token === pair.token && known.encoding_aes_key === pair.encoding_aes_key,
    );
    if (!isKnown) pairs.push(pair);
  }
  return pairs;
};

const assertFresh = (timestamp: string, windowSeconds: number, now: Date): void => {
  if (!/^[0-9]{1,12}$/.test(timestamp)) throw new SignatureError(CHANNEL, "TIMESTAMP");
  const ageSeconds = Math.floor(now.getTime() / 1000) - Number(timestamp);
  if (!(Math.abs(ageSeconds) <= windowSeconds)) throw new SignatureError(CHANNEL, "TIMESTAMP");
};

/** The query is judged before the body is read. */
const sealedBy = (pairs: readonly string[], readEncrypted: () => string): Sealed => ({
  signature: queryValue(pairs, "msg_signature"),
  timestamp: queryValue(pairs, "timestamp"),
  nonce: queryValue(pairs, "nonce"),
  encrypt: readEncrypted(),
});

/** The ciphertext in the outer XML, which nothing has signed yet. */
const readEnvelope = (app: WecomApp, body: Buffer): string => {
  const { Encrypt, ToUserName, AgentID } = readOuter(body);
  const encrypt = Encrypt?.trim();
  if (!encrypt) throw new PayloadError(CHANNEL, "body has no Encrypt");
  if (ToUserName?.trim() && ToUserName.trim() !== app.corp_id) {
    throw new SignatureError(CHANNEL, "OUTER_CORP");
  }
  if (AgentID?.trim() && AgentID.trim() !== app.agent_id) {
    throw new SignatureError(CHANNEL, "OUTER_AGENT");
  }
  return encrypt;
};

const utf8 = new TextDecoder("utf-8", { fatal: true });

const readOuter = (body: Buffer): ReturnType<typeof readFields> => {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch (cause) {
    throw new PayloadError(CHANNEL, "body is not UTF-8", 400, { cause });
  }
  try {
    return readFields(readXml(text));
  } catch (cause) {
    if (!(cause instanceof XmlError)) throw cause;
    throw new PayloadError(CHANNEL, `body: ${cause.reason}`, 400, { cause });
  }
};
