import { MAX_CONTENT } from "../../../channels/discord/limits.ts";
import { toDiscordMarkdown } from "../../../channels/discord/markdown.ts";
import { splitText } from "../../../channels/discord/split.ts";
import { describeAnswers } from "../../contract/answers.ts";

describeAnswers("Discord", {
  render: (markdown) => splitText(toDiscordMarkdown(markdown), MAX_CONTENT),
  read: (text) => text.replace(/\\([^0-9A-Za-z\s])/g, "$1").replaceAll("\u200b", ""),
  max: MAX_CONTENT,
  hasFences: true,
  // Outside code, where everybody would read it as one.
  mention: /^(?:```[\s\S]*?```|`[^`\n]*`|[^`])*?(?:@everyone|@here|<@[!&]?\d+>|<#\d+>|<id:\w+>)/,
});
