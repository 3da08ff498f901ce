/**
 * Something to read, to decide or to choose, shown in the channel's own form: a WeCom template card,
 * Slack blocks, a Discord embed with components; as plain text where a channel has no such form.
 */
export interface Card {
  /** Comes back with every click: names the state on our side. `[0-9A-Za-z_-]{1,64}`, unique. */
  readonly id: string;
  readonly title: string;
  /** Markdown. */
  readonly text?: string;
  /** Facts in two columns, at most 6. */
  readonly fields: readonly { readonly label: string; readonly value: string }[];
  /** https address of a picture that everyone may see. */
  readonly imageUrl?: string;
  /** Where a click on the card itself leads. */
  readonly link?: { readonly url: string; readonly label: string };
  /** At most 5; with choices the first one hands them in. */
  readonly buttons: readonly CardButton[];
  /** At most 3. */
  readonly selects: readonly CardSelect[];
  /** Shown instead of buttons and choices once it is decided. */
  readonly status?: string;
}

export interface CardButton {
  /** `[0-9A-Za-z_-]{1,64}`, unique within its card; says what was clicked, never that it is allowed. */
  readonly id: string;
  readonly label: string;
  readonly style?: "primary" | "danger";
}

export interface CardSelect {
  /** `[0-9A-Za-z_-]{1,64}`, unique within its card. */
  readonly id: string;
  readonly label: string;
  readonly isMultiple: boolean;
  /** 1 to 10; ids like the card's. */
  readonly options: readonly { readonly id: string; readonly label: string }[];
}

/** What a person clicked; whether they may decide is judged by `cardId`, on our side. */
export interface CardClick {
  readonly cardId: string;
  readonly buttonId: string;
  /** Ids of the chosen options by id of the select. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
}
