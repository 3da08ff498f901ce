import type { Card } from "../contract/card.ts";
import type { Answer, OutgoingFile } from "../contract/reply.ts";
import type { Context } from "../stage.ts";

type Change = (text: string) => string;

/** The turn with every text in it that came from a person, or from a file, changed. */
export const mapTurn = (context: Context, change: Change): Context => {
  const { message, attached } = context;
  const { content } = message;
  if (content.kind !== "text") return context;
  const { text, quote, attachments } = content;
  return {
    ...context,
    message: {
      ...message,
      content: {
        ...content,
        ...(quote !== undefined && { quote: change(quote) }),
        text: change(text),
        ...(attachments && {
          attachments: attachments.map((file) => ({ ...file, name: change(file.name) })),
        }),
      },
    },
    ...(attached && {
      attached: attached.map((file) =>
        file.text === undefined
          ? { ...file, name: change(file.name) }
          : { ...file, name: change(file.name), text: change(file.text) },
      ),
    }),
  };
};

/** The answer with every text that a person would read in it changed; ids and addresses stay. */
export const mapAnswer = (answer: Answer, change: Change): Answer => {
  const { markdown, card, files } = answer;
  return {
    ...answer,
    markdown: change(markdown),
    ...(card && { card: mapCard(card, change) }),
    ...(files && { files: files.map((file) => mapFile(file, change)) }),
  };
};

const mapCard = (card: Card, change: Change): Card => ({
  ...card,
  title: change(card.title),
  ...(card.text !== undefined && { text: change(card.text) }),
  fields: card.fields.map(({ label, value }) => ({ label: change(label), value: change(value) })),
  ...(card.link && { link: { ...card.link, label: change(card.link.label) } }),
  buttons: card.buttons.map((button) => ({ ...button, label: change(button.label) })),
  selects: card.selects.map((select) => ({
    ...select,
    label: change(select.label),
    options: select.options.map((option) => ({ ...option, label: change(option.label) })),
  })),
  ...(card.status !== undefined && { status: change(card.status) }),
});

/** A file that is text counts as one; what is inside others cannot be read here. */
const mapFile = ({ name, bytes }: OutgoingFile, change: Change): OutgoingFile => {
  const text = textOf(bytes);
  const changed = text === undefined ? undefined : change(text);
  return {
    name: change(name),
    bytes: changed === undefined || changed === text ? bytes : Buffer.from(changed),
  };
};

const textOf = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/**
 * A JSON value with every text in it changed, keys and numbers too: a number of which something is
 * left out becomes a text.
 */
export const mapJson = (value: unknown, change: Change): unknown => {
  if (typeof value === "string") return change(value);
  if (typeof value === "number") {
    const text = String(value);
    const changed = change(text);
    return changed === text ? value : changed;
  }
  if (Array.isArray(value)) return value.map((item) => mapJson(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [change(key), mapJson(item, change)]),
  );
};
