import { randomBytes } from "node:crypto";
import { clickIn } from "./card-click.ts";
import type { SaidKind } from "./said-kinds.ts";

/** Something that a person does to an intelligent bot. */
export interface BotSaid {
  readonly kind: SaidKind;
  /**
   * What TEXT stands for: the words; of a voice its transcript; of a mixture what stands beside the
   * picture; what was clicked (see `clickIn`); `message:verdict`, where the verdict is 1, 2 or 3. Of files nothing.
   */
  readonly text: string;
  readonly userId: string;
  /** The group where the bot is mentioned; absent = alone with it. */
  readonly group: string | undefined;
  /** What the person refers to. */
  readonly quote: string | undefined;
}

/** What belongs to the bot and to how it is reached. */
export interface BotScene {
  readonly botId: string;
  /** How it is mentioned. */
  readonly name: string;
  /** Where the file that comes along can be fetched, and where it brings its own key. */
  readonly media: { readonly url: string; readonly aeskey?: string };
  /** Absent on a long connection. */
  readonly responseUrl?: string;
}

/** Whether a bot can be met so; a bot gets fewer kinds than an application. */
export const isForBots = (kind: SaidKind): boolean =>
  Object.hasOwn(MESSAGES, kind) || Object.hasOwn(EVENTS, kind);

/** Whether nobody need answer it. */
export const isBotEvent = (kind: SaidKind): boolean => Object.hasOwn(EVENTS, kind);

/**
 * The decrypted JSON of the callback; the same on a long connection.
 * @see https://developer.work.weixin.qq.com/document/path/100719
 * @see https://developer.work.weixin.qq.com/document/path/101027
 */
export const botSaidJson = (said: BotSaid, scene: BotScene): object => {
  const { kind, userId, group, quote } = said;
  const event = EVENTS[kind]?.(said);
  return {
    msgid: `SIMULATED${randomBytes(12).toString("hex")}`,
    aibotid: scene.botId,
    ...(group === undefined ? { chattype: "single" } : { chattype: "group", chatid: group }),
    from: { userid: userId },
    ...(scene.responseUrl !== undefined && { response_url: scene.responseUrl }),
    ...(event
      ? {
          msgtype: "event",
          create_time: Math.floor(Date.now() / 1000),
          event: { ...event.details, eventtype: event.type },
        }
      : MESSAGES[kind]?.(said, scene)),
    ...(quote !== undefined && { quote: { msgtype: "text", text: { content: quote } } }),
  };
};

type Written<T> = Partial<Record<SaidKind, T>>;

/** In a group a bot hears only what mentions it. */
const mentioned = ({ text, group }: BotSaid, { name }: BotScene): string =>
  group === undefined ? text : `@${name} ${text}`;

const file =
  (kind: "image" | "video" | "file") =>
  (_said: BotSaid, { media }: BotScene): object => ({ msgtype: kind, [kind]: media });

const MESSAGES: Written<(said: BotSaid, scene: BotScene) => object> = {
  text: (said, scene) => ({ msgtype: "text", text: { content: mentioned(said, scene) } }),
  voice: ({ text }) => ({ msgtype: "voice", voice: { content: text } }),
  image: file("image"),
  video: file("video"),
  file: file("file"),
  mixed: (said, scene) => ({
    msgtype: "mixed",
    mixed: {
      msg_item: [
        { msgtype: "text", text: { content: mentioned(said, scene) } },
        { msgtype: "image", image: scene.media },
      ],
    },
  }),
};

const EVENTS: Written<(said: BotSaid) => { type: string; details: object }> = {
  enter_agent: () => ({ type: "enter_chat", details: { enter_chat: {} } }),
  "card-click": ({ text }) => {
    const { cardId, buttonId, choices } = clickIn(text);
    const selected_item = choices.map(([question, options]) => ({
      question_key: question,
      option_ids: { option_id: options },
    }));
    const card = {
      card_type: "button_interaction",
      event_key: buttonId,
      task_id: cardId,
      ...(selected_item.length > 0 && { selected_items: { selected_item } }),
    };
    return { type: "template_card_event", details: { template_card_event: card } };
  },
  feedback: ({ text }) => {
    const [, id = "", verdict = "1"] = /^(.*):([123])$/.exec(text) ?? [text, text];
    const feedback = { id, type: Number(verdict), content: "simulated" };
    return { type: "feedback_event", details: { feedback_event: feedback } };
  },
};
