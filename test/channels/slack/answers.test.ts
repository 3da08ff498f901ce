import { unescapeText } from "../../../channels/slack/escape.ts";
import { fromBody } from "../../../channels/slack/outgoing.ts";
import { MAX_TEXT, render } from "../../../channels/slack/render.ts";
import { describeAnswers } from "../../contract/answers.ts";

describeAnswers("Slack", {
  render: (markdown) =>
    render({ kind: "text", markdown }).map((body) => {
      const outgoing = fromBody(body);
      if (outgoing.kind !== "mrkdwn") throw new Error(outgoing.kind);
      return outgoing.text;
    }),
  read: (text) =>
    unescapeText(text.replace(/<([^<>|]*)(?:\|([^<>]*))?>/g, "$2 $1")).replace(
      /[\u200b\u2060]/g,
      "",
    ),
  max: MAX_TEXT,
  hasFences: true,
  mention: /<[!@#]/,
});
