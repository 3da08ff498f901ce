/** What a member sees of one message/send, in words; undefined when it is none that WeCom takes. */
export const shownText = (
  body: Readonly<Record<string, unknown>>,
  fileName: (mediaId: string) => string | undefined,
): string | undefined => {
  const kind = String(body.msgtype);
  const part = body[kind];
  if (!isObject(part)) return undefined;
  if (kind === "text" || kind === "markdown") return wordsOf(part.content);
  if (kind === "template_card") return cardText(part);
  if (kind === "textcard") return linkText(part, part.btntxt);
  if (kind === "news")
    return listOf(part.articles)
      .map((article) => linkText(article))
      .join("\n");
  const name = fileName(String(part.media_id));
  return name === undefined ? undefined : `[${kind}: ${name}]`;
};

/** A card as lines: its title, what it says, and what can be clicked, with the keys of a click. */
export const cardText = (card: Readonly<Record<string, unknown>>): string => {
  const title = isObject(card.main_title) ? card.main_title : {};
  const id = wordsOf(card.task_id);
  const lines = [
    `[card: ${[wordsOf(title.title), wordsOf(title.desc)].filter(Boolean).join(" - ")}]`,
    wordsOf(card.sub_title_text),
    ...listOf(card.horizontal_content_list).map(
      (row) => `${wordsOf(row.keyname)}: ${wordsOf(row.value)}`,
    ),
    ...listOf(card.button_list).map(
      (button) => `(${wordsOf(button.text)})  --kind card-click ${id}:${wordsOf(button.key)}`,
    ),
    ...questionsOf(card).flatMap(({ title, key, options }) => [
      [title, `${key} =`].filter(Boolean).join(": "),
      ...options.map((option) => `  ${wordsOf(option.id)}  ${wordsOf(option.text)}`),
    ]),
    ...(isObject(card.submit_button)
      ? [submitText(card.submit_button, id, questionsOf(card)[0]?.key)]
      : []),
    ...listOf(card.jump_list).map((jump) => `-> ${wordsOf(jump.title)} ${wordsOf(jump.url)}`),
  ];
  return lines.filter(Boolean).join("\n");
};

/** What can be ticked or chosen on a card. */
const questionsOf = (card: Readonly<Record<string, unknown>>) =>
  [...(isObject(card.checkbox) ? [card.checkbox] : []), ...listOf(card.select_list)].map(
    (select) => ({
      title: wordsOf(select.title),
      key: wordsOf(select.question_key),
      options: listOf(select.option_list),
    }),
  );

const submitText = (
  button: Readonly<Record<string, unknown>>,
  id: string | undefined,
  question: string | undefined,
): string =>
  `(${wordsOf(button.text)})  --kind card-click ${id}:${wordsOf(button.key)}:${question}=…`;

/** A card that only leads somewhere. */
const linkText = (card: Readonly<Record<string, unknown>>, button?: unknown): string =>
  [
    `[card: ${wordsOf(card.title)}]`,
    wordsOf(card.description)?.replaceAll("<br>", "\n"),
    `-> ${[wordsOf(button), wordsOf(card.url)].filter(Boolean).join(" ")}`,
  ]
    .filter(Boolean)
    .join("\n");

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

const wordsOf = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;
