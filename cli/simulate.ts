import { type Command, InvalidArgumentError, Option } from "commander";
import { type Exit, type Io, setExitCode } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { codeIn } from "./refusal-code.ts";
import { SAID_KINDS, type SaidKind } from "./said-kinds.ts";
import { MISUSE, sayNo } from "./say-no.ts";
import type { Simulated, Simulation } from "./wecom-simulation.ts";

interface WecomOptions {
  readonly settings?: string | undefined;
  readonly user: string;
  readonly kind: SaidKind;
  readonly file?: string | undefined;
  readonly retries?: Simulation["retries"];
  readonly fault: readonly number[];
  /** True without an id: the first one. */
  readonly bot?: string | true | undefined;
  readonly group?: string | undefined;
  readonly quote?: string | undefined;
  readonly json?: boolean | undefined;
  /** Seconds. */
  readonly timeout: number;
}

interface DiscordOptions {
  readonly settings?: string | undefined;
  readonly user: string;
  readonly role: readonly string[];
  readonly guild?: string | undefined;
  readonly channel?: string | undefined;
  readonly direct?: boolean | undefined;
  readonly signingKey?: string | undefined;
  readonly json?: boolean | undefined;
  /** Seconds. */
  readonly timeout: number;
}

interface SlackOptions {
  readonly settings?: string | undefined;
  readonly user: string;
  readonly team?: string | undefined;
  readonly channel?: string | undefined;
  readonly command?: boolean | undefined;
  readonly form?: boolean | undefined;
  readonly times: number;
  readonly json?: boolean | undefined;
  /** Seconds. */
  readonly timeout: number;
}

/** Adds `simulate wecom`, `simulate slack` and `simulate discord`. */
export const registerSimulate = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  const simulate = program
    .command("simulate")
    .description("play a chat platform against the running gateway");
  simulate
    .command("discord")
    .description("mention the bot with TEXT as somebody on Discord would, and print the answer")
    .argument("<text>", "the words")
    .option("--direct", "say it in a direct chat")
    .option("--guild <id>", "server; default: the first that a tenant is bound to")
    .option("--channel <id>", "channel; default: the one that a tenant is bound to")
    .option("--role <id>", "a role of theirs; may be repeated", added, [])
    .option("--signing-key <file>", "PEM of the Ed25519 key behind public_key, for commands")
    .option("--settings <file>", "settings file of the running gateway")
    .option("--user <id>", "who says it", "800000000000000001")
    .option("--json", "machine-readable")
    .option("--timeout <seconds>", "how long to wait for the answer to begin", secondsOf, 30)
    .action(async (text: string, _options: DiscordOptions, command: Command) =>
      exit(await simulateDiscord(io, text, command.optsWithGlobals<DiscordOptions>())),
    );
  simulate
    .command("slack")
    .description("say TEXT as somebody in Slack would, signed, and print the answer")
    .argument("<text>", "the words")
    .option("--channel <id>", "mention the app in this room; default: in a direct chat")
    .option("--command", "as a slash command")
    .option("--form", "in the form that the app's shortcut, or --command without a text, opens")
    .option("--team <id>", "workspace; default: the first that a tenant is bound to")
    .option("--times <number>", "tell it so often, as Slack does when it hears nothing", timesOf, 1)
    .option("--settings <file>", "settings file of the running gateway")
    .option("--user <id>", "who says it", "U0TESTER")
    .option("--json", "machine-readable")
    .option("--timeout <seconds>", "how long to wait for the answer to begin", secondsOf, 30)
    .action(async (text: string, _options: SlackOptions, command: Command) =>
      exit(await simulateSlack(io, text, command.optsWithGlobals<SlackOptions>())),
    );
  simulate
    .command("wecom")
    .description("send TEXT as WeChat Work would, encrypted and signed, and print the answer")
    .argument("[text]", "the words; of other kinds a name, an address, a key or card:button", "")
    .addOption(
      new Option("--kind <kind>", "what the user does").choices(SAID_KINDS).default("text"),
    )
    .option("--file <path>", "what an image, voice, video or file holds; default: a few bytes")
    .addOption(
      new Option("--retries <how>", "deliver it three times, as the cloud does").choices([
        "identical",
        "reencrypted",
      ]),
    )
    .option(
      "--fault <errcode>",
      "answer the next message/send with it, e.g. 42001, -1 or 45009; may be repeated",
      faultsOf,
      [],
    )
    .option("--bot [id]", "to an intelligent bot instead of the application; default: the first")
    .option("--group <chatid>", "mention the bot in this group")
    .option("--quote <text>", "refer to what somebody said; to a bot")
    .option("--settings <file>", "settings file of the running gateway")
    .option("--user <id>", "who says it", "tester")
    .option("--json", "machine-readable")
    .option("--timeout <seconds>", "how long to wait for the answer to begin", secondsOf, 30)
    .action(async (text: string, _options: WecomOptions, command: Command) =>
      exit(await simulateWecom(io, text, command.optsWithGlobals<WecomOptions>())),
    );
};

/** Says TEXT and prints the answer. 0 answered, 1 refused or no answer, 2 misuse. Throws SettingsError. */
const simulateWecom = async (io: Io, text: string, options: WecomOptions): Promise<number> => {
  const { settings, source } = lookAtSettings(io, options.settings);
  const { bot, group, quote } = options;
  if (bot === undefined && (group !== undefined || quote !== undefined)) {
    const problem = "--group and --quote need --bot: an application has neither";
    return sayNo(io, options, MISUSE, problem);
  }
  const simulation = {
    settings,
    source,
    text,
    kind: options.kind,
    file: options.file,
    retries: options.retries,
    faults: options.fault,
    userId: options.user,
    timeoutMs: options.timeout * 1000,
    notice: (line: string) => void io.stderr.write(`${line}\n`),
  };
  const simulated = await play(simulation, options);
  if (simulated.kind === "misuse") return sayNo(io, options, MISUSE, simulated.problem);
  io.stdout.write(options.json ? `${JSON.stringify(jsonOf(simulated))}\n` : textOf(simulated));
  if (simulated.kind === "unanswered") io.stderr.write(`${simulated.problem}\n`);
  if (simulated.kind === "acknowledged") return 0;
  return simulated.kind === "answered" && simulated.code === undefined ? 0 : 1;
};

/** Only this verb needs the channel's libraries. */
const play = async (
  simulation: Simulation,
  { bot, group, quote }: WecomOptions,
): Promise<Simulated> => {
  if (bot === undefined) return (await import("./simulate-wecom.ts")).playWecom(simulation);
  const { playWecomBot } = await import("./simulate-wecom-bot.ts");
  return playWecomBot({ ...simulation, botId: bot === true ? undefined : bot, group, quote });
};

/** The same on Discord. */
const simulateDiscord = async (io: Io, text: string, options: DiscordOptions): Promise<number> => {
  const { settings, source } = lookAtSettings(io, options.settings);
  const { playDiscord } = await import("./simulate-discord.ts");
  const simulated = await playDiscord({
    settings,
    source,
    text,
    userId: options.user,
    roles: options.role,
    isDirect: options.direct ?? false,
    guildId: options.guild,
    channelId: options.channel,
    signingKey: options.signingKey,
    timeoutMs: options.timeout * 1000,
    notice: (line) => io.stderr.write(`${line}\n`),
  });
  return printPlayed(io, simulated, options.json);
};

/** The same in Slack. */
const simulateSlack = async (io: Io, text: string, options: SlackOptions): Promise<number> => {
  const { settings, source } = lookAtSettings(io, options.settings);
  const { playSlack } = await import("./simulate-slack.ts");
  const simulated = await playSlack({
    settings,
    source,
    text,
    userId: options.user,
    teamId: options.team,
    channelId: options.channel,
    times: options.times,
    isCommand: options.command ?? false,
    isForm: options.form ?? false,
    timeoutMs: options.timeout * 1000,
  });
  return printPlayed(io, simulated, options.json);
};

type Played =
  | { readonly kind: "answered"; readonly parts: readonly string[]; readonly ms: number }
  | { readonly kind: "unanswered"; readonly problem: string; readonly ms: number }
  | { readonly kind: "misuse"; readonly problem: string };

const printPlayed = (io: Io, simulated: Played, isJson: boolean | undefined): number => {
  if (simulated.kind === "misuse") return sayNo(io, { json: isJson }, MISUSE, simulated.problem);
  const answer = simulated.kind === "answered" ? simulated.parts.join("\n") : null;
  const { ms } = simulated;
  if (isJson) io.stdout.write(`${JSON.stringify({ answer, ms })}\n`);
  else if (answer !== null) io.stdout.write(`${answer}\n\n  after       ${ms} ms\n`);
  if (simulated.kind === "unanswered") io.stderr.write(`${simulated.problem}\n`);
  return answer !== null && codeIn(answer).code === undefined ? 0 : 1;
};

const timesOf = (value: string): number => {
  const times = Number(value);
  if (Number.isInteger(times) && times >= 1 && times <= 10) return times;
  throw new InvalidArgumentError("expected a number from 1 to 10.");
};

const added = (value: string, before: readonly string[]): readonly string[] => [...before, value];

type Outcome = Exclude<Simulated, { kind: "misuse" }>;

const jsonOf = (outcome: Outcome) => ({
  answer: outcome.kind === "answered" ? outcome.answer : null,
  via: outcome.kind === "answered" ? outcome.via : null,
  ms: outcome.ms,
  status: outcome.status ?? null,
  ...("frames" in outcome && { frames: outcome.frames }),
  ...("code" in outcome && { code: outcome.code }),
});

const textOf = (outcome: Outcome): string => {
  if (outcome.kind === "unanswered") return "";
  if (outcome.kind === "acknowledged") {
    return `\n  taken, and met with silence after ${outcome.ms} ms\n`;
  }
  const parts = outcome.parts === 1 ? "1 part" : `${outcome.parts} parts`;
  const how = {
    passive: "encrypted passive reply, in the callback's own response",
    message_send: `message/send, ${parts}`,
    stream: `stream, shown ${outcome.frames ?? 0} times while it grew, ${parts}`,
    response_url: `response URL, ${parts}`,
    link: `long connection, shown ${outcome.frames ?? 0} times while it grew, ${parts}`,
  }[outcome.via];
  return `${outcome.answer}\n\n  arrived by  ${how}\n  after       ${outcome.ms} ms\n`;
};

const faultsOf = (value: string, before: readonly number[]): readonly number[] => {
  if (!/^-?\d{1,7}$/.test(value)) throw new InvalidArgumentError("expected an errcode, e.g. 42001");
  return [...before, Number(value)];
};

const secondsOf = (value: string): number => {
  const seconds = Number(value);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new InvalidArgumentError("It must be seconds, more than 0 and at most 3600.");
  }
  return seconds;
};
