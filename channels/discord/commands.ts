import { isDeepStrictEqual } from "node:util";
import type { Log } from "../../core/contract/log.ts";
import { isPayload, numberIn, type Payload, textIn } from "./payload.ts";
import type { Rest } from "./rest.ts";
import { CHANNEL } from "./target.ts";

/** The type of a command that is written, not picked from a menu. */
export const CHAT_INPUT = 1;
/** The name of our command. */
export const ASK = "ask";
const STRING = 3;
const ATTACHMENT = 11;
// In servers, in direct chats with the bot, and where somebody brings the app along.
const EVERYWHERE = [0, 1, 2];

/**
 * `/ask question: …`, in servers and in direct chats; without a question a form asks for it. What each
 * may ask is judged when it is asked.
 * @see https://discord.com/developers/docs/interactions/application-commands#application-command-object
 */
const COMMANDS = [
  {
    type: CHAT_INPUT,
    name: ASK,
    description: "Ask the assistant",
    description_localizations: { "zh-TW": "向助理提問", "zh-CN": "向助理提问" },
    contexts: EVERYWHERE,
    options: [
      {
        type: STRING,
        name: "question",
        description: "What you would like to know or have done; a form asks if you leave it out",
        description_localizations: {
          "zh-TW": "您想知道或想請它處理的事；留空會以表單詢問",
          "zh-CN": "您想知道或想请它处理的事；留空会以表单询问",
        },
        max_length: 6000,
      },
      {
        type: ATTACHMENT,
        name: "file",
        description: "A file that the question is about",
        description_localizations: { "zh-TW": "與問題有關的檔案", "zh-CN": "与问题有关的文件" },
      },
    ],
  },
] as const;

/**
 * Registers our commands where they are not registered as they are now; commands of the operator's
 * own stay. Never rejects: without them, whoever mentions the bot is answered all the same.
 */
export const registerCommands = async (
  rest: Rest,
  applicationId: string,
  log: Log,
  signal?: AbortSignal,
): Promise<void> => {
  const route = `/applications/${applicationId}/commands`;
  const more = signal ? { signal } : {};
  const failed = (what: string) =>
    log.warn({ channel: CHANNEL, reason: what }, "slash commands not registered");
  const found = await rest.request("GET", route, {
    query: { with_localizations: "true" },
    ...more,
  });
  if (found.kind !== "ok" || !Array.isArray(found.body)) return failed(`GET: ${found.kind}`);
  const known = found.body.filter(isPayload);
  const ours = (command: Payload) =>
    COMMANDS.find(
      ({ name, type }) =>
        name === textIn(command, "name") && type === (numberIn(command, "type") ?? CHAT_INPUT),
    );
  const isRegistered = COMMANDS.every((wanted) =>
    known.some((command) => ours(command) === wanted && says(command, wanted)),
  );
  if (isRegistered) return;
  const others = known.filter((command) => !ours(command));
  const put = await rest.request("PUT", route, { body: [...others, ...COMMANDS], ...more });
  if (put.kind === "ok") log.info({ channel: CHANNEL }, "slash commands registered");
  else failed(`PUT: ${put.kind}`);
};

/** Whether Discord's copy of something says all that ours says; it adds fields of its own. */
const says = (theirs: unknown, ours: unknown): boolean => {
  if (Array.isArray(ours)) {
    return (
      Array.isArray(theirs) &&
      theirs.length === ours.length &&
      ours.every((value, place) => says(theirs[place], value))
    );
  }
  if (!isPayload(ours)) return isDeepStrictEqual(theirs, ours);
  return (
    isPayload(theirs) && Object.entries(ours).every(([key, value]) => says(theirs[key], value))
  );
};
