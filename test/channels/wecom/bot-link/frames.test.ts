import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonError } from "../../../../channels/wecom/bot/json.ts";
import { readFrame, writeFrame } from "../../../../channels/wecom/bot-link/frames.ts";

const read = (frame: unknown) => readFrame(JSON.stringify(frame));

describe("readFrame", () => {
  it("tells acknowledgements and callbacks apart", () => {
    expect(read({ headers: { req_id: "a" }, errcode: 45009, errmsg: "x" })).toEqual({
      ...{ kind: "acknowledgement", reqId: "a", errcode: 45009, body: undefined },
    });
    expect(read({ cmd: "aibot_msg_callback", headers: { req_id: "a" }, body: {} })).toMatchObject({
      ...{ kind: "callback", command: "aibot_msg_callback", reqId: "a" },
    });
  });

  it("keeps every digit of a numeric id", () => {
    const frame = readFrame('{"headers":{"req_id":12345678901234567890},"errcode":0}');
    expect(frame).toMatchObject({ reqId: "12345678901234567890" });
  });

  it.each([
    { cmd: "disconnected_event" },
    { cmd: "disconnected_event", headers: { req_id: "a" }, body: {} },
    { cmd: "aibot_event_callback", body: { event: { eventtype: "disconnected_event" } } },
    {
      cmd: "aibot_event_callback",
      headers: { req_id: "" },
      body: { event: { eventtype: "disconnected_event" } },
    },
  ])("hears that another one took the bot over, whatever is missing: %j", (frame) => {
    expect(read(frame)).toEqual({ kind: "displaced" });
  });

  it.each([
    ["no headers", { errcode: 0 }],
    ["no req_id", { headers: {}, errcode: 0 }],
    ["an endless req_id", { headers: { req_id: "x".repeat(257) }, errcode: 0 }],
    ["a req_id with a line end", { headers: { req_id: "a\nb" }, errcode: 0 }],
    ["neither command nor errcode", { headers: { req_id: "a" } }],
    ["an errcode that is none", { headers: { req_id: "a" }, errcode: "1e3" }],
    ["a command that is no word", { cmd: "a b", headers: { req_id: "a" }, body: {} }],
    ["a callback without a body", { cmd: "a", headers: { req_id: "a" } }],
  ])("refuses %s", (_flaw, frame) => {
    expect(() => read(frame)).toThrow(JsonError);
  });

  it("throws nothing but JsonError, whatever it is given", () => {
    const member = fc.constantFrom("cmd", "headers", "req_id", "errcode", "body");
    const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.dictionary(member, fc.jsonValue()));
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.dictionary(member, value).map((frame) => JSON.stringify(frame)),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          readFrame(given);
        } catch (error) {
          expect(error).toBeInstanceOf(JsonError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("writes what the platform expects", () => {
    expect(JSON.parse(writeFrame("aibot_send_msg", "r", { chatid: "c" }))).toEqual({
      ...{ cmd: "aibot_send_msg", headers: { req_id: "r" }, body: { chatid: "c" } },
    });
    expect(JSON.parse(writeFrame("ping", "r", undefined))).toEqual({
      ...{ cmd: "ping", headers: { req_id: "r" } },
    });
  });
});
