import { expect, vi } from "vitest";
import type { Askers } from "./crash-chain.ts";
import { startDiscordGateway } from "./discord-gateway.ts";
import { startDiscordRest } from "./discord-rest.ts";
import { discordSigner } from "./discord-signer.ts";

interface Question {
  readonly text: string;
  readonly channelId: string;
  /** A command that was not acknowledged: Discord has told the person that it failed. */
  hasFailed: boolean;
}

const GUILD = "900000000000000101";
const ROOM = "900000000000000111";
const PATH = "/api/discord/interactions";
// Everybody asks little: what waits in a conversation for a dead process holds up what comes after it.
const PEOPLE = 20;
const LONG = { timeout: 60_000, interval: 50 };

/**
 * People who write to the bot directly and in threads that it takes part in, over the gateway, and
 * others who use its command, over HTTP. What Discord was not told it has taken, a person asks anew.
 */
export const discordAskers = async (): Promise<Askers> => {
  const rest = await startDiscordRest();
  const platform = await startDiscordGateway({
    ...{ token: rest.token, bot: rest.botUser, applicationId: rest.applicationId },
    guilds: [{ id: GUILD, channels: [{ id: ROOM, type: 0 }], threads: [], roles: [] }],
  });
  const signer = discordSigner();
  rest.gatewayUrl = platform.url;
  rest.channels.set(ROOM, { id: ROOM, type: 0, guild_id: GUILD });
  const people = Array.from({ length: PEOPLE }, (_, n) => ({
    ...{ id: String(800_000_000_000_000_100n + BigInt(n)), username: `person${n}` },
    direct: String(900_000_000_000_000_200n + BigInt(n)),
    thread: "",
  }));
  rest.members.set(GUILD, new Map(people.map(({ id }) => [id, { roles: [] }])));
  for (const { direct } of people) rest.channels.set(direct, { id: direct, type: 1 });
  rest.onMessage = (message) => platform.dispatch("MESSAGE_CREATE", message);

  const questions: Question[] = [];
  const commands: string[] = [];
  let spoken = 0;

  const say = (channelId: string, content: string, by: number, more: object = {}) => {
    const { id, username } = people[by % people.length] ?? { id: "0", username: "nobody" };
    const author = { id, username };
    const message = rest.write(channelId, { content, author, type: 0, attachments: [], ...more });
    const type = Number(rest.channels.get(channelId)?.type);
    const where = type === 1 ? {} : { guild_id: GUILD, member: { roles: [] } };
    platform.dispatch("MESSAGE_CREATE", { ...message, ...where, channel_type: type });
    return message;
  };
  const timesSeen = ({ text, channelId }: Question): number =>
    rest.said(channelId).filter(({ content }) => content.endsWith(text)).length;

  const command = async (url: string, text: string): Promise<boolean> => {
    const [person] = people;
    const asked = rest.interact({
      ...{ type: 2, channel_id: ROOM, guild_id: GUILD },
      member: { user: { id: person?.id, username: "person0" }, roles: [] },
      data: { name: "ask", type: 1, options: [{ type: 3, name: "question", value: text }] },
    });
    const question: Question = { text, channelId: ROOM, hasFailed: true };
    questions.push(question);
    const response = await signer.post(`${url}${PATH}`, asked.payload).catch(() => undefined);
    const callback = (await response?.json().catch(() => undefined)) as
      | { type?: number }
      | undefined;
    if (response?.status !== 200 || callback?.type !== 5) return false;
    asked.answerByHttp({ type: callback.type });
    question.hasFailed = false;
    return true;
  };

  return {
    settings: {
      channels: {
        discord: {
          ...{ bot_token: rest.token, application_id: rest.applicationId },
          ...{ public_key: signer.publicKey, api_base_url: rest.apiBaseUrl },
        },
      },
      multi_tenant: {
        tenants: [
          {
            ...{ id: "staff", llm_config: { provider: "echo" } },
            bindings: [{ channel: "discord", workspace: GUILD }],
          },
        ],
      },
    },
    greet: async () => {
      await vi.waitFor(() => expect(platform.isUp()).toBe(true), LONG);
      const mentioned = { mentions: [{ id: rest.botUser.id }] };
      for (const [n, person] of people.entries()) {
        say(person.direct, "hello directly", n);
        person.thread = say(ROOM, `<@${rest.botUser.id}> hello in a thread`, n, mentioned).id;
      }
      await vi.waitFor(() => {
        for (const { direct, thread } of people) {
          expect(rest.said(direct)).toHaveLength(1);
          expect(rest.said(thread)).toHaveLength(1);
        }
      }, LONG);
    },
    ask: (about, times) => {
      for (let time = 0; time < times; time += 1) {
        const text = `question ${questions.length + commands.length} at ${about}.`;
        if (time % 3 === 2) {
          commands.push(text);
          continue;
        }
        const by = spoken++;
        const { direct = "", thread = "" } = people[by % people.length] ?? {};
        const channelId = time % 3 === 0 ? direct : thread;
        questions.push({ text, channelId, hasFailed: false });
        say(channelId, text, by);
      }
    },
    tellUnheard: async ({ url }) => {
      const failed = await Promise.all(
        commands.splice(0).map(async (text) => ((await command(url, text)) ? [] : [`${text}.`])),
      );
      commands.push(...failed.flat());
    },
    wrong: () => [
      ...commands.map((text) => `not acknowledged: ${text}`),
      ...questions.flatMap((question) => {
        const times = timesSeen(question);
        const isRight = times === 1 || (question.hasFailed && times === 0);
        return isRight ? [] : [`answered ${times} times: ${question.text}`];
      }),
    ],
    lookedBack: () =>
      rest.callsOf("GET /channels/:id/messages").length + rest.callsOf("GET /users/@me").length,
    close: async () => {
      await platform.stop();
      await rest.close();
    },
  };
};
