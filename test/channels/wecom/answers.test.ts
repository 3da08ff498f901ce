import { fromBody } from "../../../channels/wecom/outgoing.ts";
import { MAX_TEXT_BYTES, render } from "../../../channels/wecom/render.ts";
import { describeAnswers } from "../../contract/answers.ts";

describeAnswers("WeCom", {
  render: (markdown) =>
    render({ kind: "text", markdown }).map((body) => {
      const outgoing = fromBody(body);
      if (outgoing.kind !== "text" && outgoing.kind !== "markdown") throw new Error(outgoing.kind);
      return outgoing.text;
    }),
  read: (text) => text,
  max: MAX_TEXT_BYTES,
  sizeOf: Buffer.byteLength,
  hasFences: false,
});
