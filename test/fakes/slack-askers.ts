import type { Askers } from "./crash-chain.ts";
import { startSlackApi } from "./slack-api.ts";
import {
  BOT_USER,
  directMessage,
  eventBody,
  mention,
  newTs,
  postSlack,
  SIGNING_SECRET,
  signed,
  TEAM,
} from "./slack-events.ts";

interface Question {
  readonly text: string;
  readonly channel: string;
  /** The thread that the answer belongs in; a direct chat is answered at the top level. */
  readonly ts: string | undefined;
}

const PATH = "/api/slack/events";
const ROOM = "C0ASKERS";

/** People who mention the bot in a room, and others who write to it directly. */
export const slackAskers = async (): Promise<Askers> => {
  const api = await startSlackApi();
  const bot = api.install(TEAM, { userId: BOT_USER });
  const questions: Question[] = [];
  // Bodies that nobody has acknowledged, by the text in them.
  const unheard = new Map<string, string>();

  const timesSeen = ({ text, channel, ts }: Question): number => {
    const inPlace = api.messages(channel).filter(({ threadTs }) => threadTs === ts);
    return inPlace.filter((message) => message.text.endsWith(text)).length;
  };
  const timesAnywhere = ({ text, channel }: Question): number =>
    api.messages(channel).filter((message) => message.text.endsWith(text)).length;

  return {
    settings: {
      channels: {
        slack: {
          ...{ signing_secret: SIGNING_SECRET, bot_token: bot.token },
          api_base_url: api.baseUrl,
        },
      },
      multi_tenant: {
        tenants: [
          {
            ...{ id: "staff", llm_config: { provider: "echo" } },
            bindings: [{ channel: "slack", workspace: TEAM }],
          },
        ],
      },
    },
    greet: async () => {},
    ask: (about, times) => {
      for (let time = 0; time < times; time += 1) {
        const ts = newTs();
        const person = `${questions.length}`.padStart(3, "0");
        const text = `question ${person} at ${about}.`;
        const isDirect = time % 2 === 1;
        const event = isDirect
          ? directMessage(text, { ts, channel: `D0ASK${person}`, user: `U0ASK${person}` })
          : mention(`<@${BOT_USER}> ${text}`, { ts, channel: ROOM, user: `U0ASK${person}` });
        const { channel } = event as { channel: string };
        questions.push({ text, channel, ts: isDirect ? undefined : ts });
        unheard.set(text, JSON.stringify(eventBody(event)));
      }
    },
    tellUnheard: async (gateway) => {
      await Promise.all(
        [...unheard].map(async ([text, body]) => {
          const told = postSlack(`${gateway.url}${PATH}`, signed(body));
          if ((await told.catch(() => undefined))?.status === 200) unheard.delete(text);
        }),
      );
    },
    wrong: () => [
      ...[...unheard.keys()].map((text) => `not acknowledged: ${text}`),
      ...questions.flatMap((question) => {
        const [times, anywhere] = [timesSeen(question), timesAnywhere(question)];
        return times === 1 && anywhere === 1
          ? []
          : [`answered ${times} times, ${anywhere} anywhere: ${question.text}`];
      }),
      ...api.duplicates().map((part) => `posted twice: ${part}`),
    ],
    lookedBack: () =>
      ["conversations.replies", "conversations.history"].flatMap((method) => api.callsOf(method))
        .length,
    close: api.close,
  };
};
