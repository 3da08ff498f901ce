import type { Content } from "../../core/contract/message.ts";
import { ASK, CHAT_INPUT } from "./commands.ts";
import { type Interaction, inputsOf } from "./interaction.ts";
import { numberIn, objectsIn, textIn } from "./payload.ts";
import { resolvedAttachments } from "./resolved-attachments.ts";

const CUSTOM_ID = "clawgate:question";
const INPUT_ID = "text";
const ACTION_ROW = 1;
const TEXT_INPUT = 4;
const PARAGRAPH = 2;
const MAX_LENGTH = 4_000;

/** Whether somebody gave our command without a question or a file: a form asks for it. */
export const wantsForm = ({ data }: Interaction): boolean =>
  textIn(data, "name") === ASK &&
  (numberIn(data, "type") ?? CHAT_INPUT) === CHAT_INPUT &&
  objectsIn(data, "options").length === 0 &&
  resolvedAttachments(data).length === 0;

/**
 * A modal with a field for one question.
 * @see https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal
 */
export const questionForm = ({ locale }: Interaction): object => {
  const { title, label } = WORDS[locale] ?? ENGLISH;
  const input = {
    type: TEXT_INPUT,
    style: PARAGRAPH,
    custom_id: INPUT_ID,
    label,
    required: true,
    max_length: MAX_LENGTH,
  };
  return {
    custom_id: CUSTOM_ID,
    title,
    components: [{ type: ACTION_ROW, components: [input] }],
  };
};

/** The question in our form; undefined in any other one. */
export const questionIn = (interaction: Interaction): Content | undefined =>
  textIn(interaction.data, "custom_id") === CUSTOM_ID
    ? { kind: "text", text: inputsOf(interaction)[INPUT_ID] ?? "" }
    : undefined;

interface Words {
  /** At most 45 characters, as the label. */
  readonly title: string;
  readonly label: string;
}

const ENGLISH: Words = { title: "Ask the assistant", label: "Your question" };
const WORDS: Readonly<Record<string, Words>> = {
  "zh-TW": { title: "向助理提問", label: "您的問題" },
  "zh-CN": { title: "向助理提问", label: "您的问题" },
};
