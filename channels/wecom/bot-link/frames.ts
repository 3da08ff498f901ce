import { JsonError, type JsonObject, objectIn, readJson, textIn } from "../bot/json.ts";

/**
 * What we may ask for on a long connection.
 * @see https://developer.work.weixin.qq.com/document/path/101463
 */
export type Command =
  | "aibot_subscribe"
  | "ping"
  | "aibot_respond_msg"
  | "aibot_respond_welcome_msg"
  | "aibot_respond_update_msg"
  | "aibot_send_msg"
  | "aibot_upload_media_init"
  | "aibot_upload_media_chunk"
  | "aibot_upload_media_finish";

/** What the platform says on a long connection. */
export type LinkFrame =
  /** To a frame of ours with the same `reqId`. */
  | {
      readonly kind: "acknowledgement";
      readonly reqId: string;
      readonly errcode: number;
      readonly body: JsonObject | undefined;
    }
  | {
      readonly kind: "callback";
      readonly command: string;
      readonly reqId: string;
      readonly body: JsonObject;
    }
  /** Another connection has subscribed for the same bot: this one is closed. */
  | { readonly kind: "displaced" };

/** Reads one frame. Throws JsonError for what is none. */
export const readFrame = (text: string): LinkFrame => {
  const frame = readJson(text);
  // Whatever else is missing in it: not to hear of it would be to displace the other one in turn.
  if (isDisplacement(frame)) return { kind: "displaced" };
  const reqId = textIn(objectIn(frame, "headers"), "req_id");
  if (reqId === undefined || !/^[\x21-\x7e]{1,256}$/.test(reqId)) {
    throw new JsonError("headers.req_id is no id");
  }
  const command = textIn(frame, "cmd");
  const body = objectIn(frame, "body");
  if (command) {
    if (!/^[A-Za-z0-9_]{1,64}$/.test(command)) throw new JsonError("cmd is no word");
    if (!body) throw new JsonError("no body");
    return { kind: "callback", command, reqId, body };
  }
  const errcode = textIn(frame, "errcode");
  if (errcode === undefined || !/^-?[0-9]{1,9}$/.test(errcode)) {
    throw new JsonError("neither cmd nor errcode");
  }
  return { kind: "acknowledgement", reqId, errcode: Number(errcode), body };
};

const isDisplacement = (frame: JsonObject): boolean => {
  const command = textIn(frame, "cmd");
  const event = objectIn(objectIn(frame, "body"), "event");
  return (
    command === DISPLACED ||
    (command === "aibot_event_callback" && textIn(event, "eventtype") === DISPLACED)
  );
};

const DISPLACED = "disconnected_event";

/** A frame of ours. */
export const writeFrame = (command: Command, reqId: string, body: object | undefined): string =>
  JSON.stringify({ cmd: command, headers: { req_id: reqId }, ...(body && { body }) });
