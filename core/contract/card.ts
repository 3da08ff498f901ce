/**
 * Something to decide or to choose, shown in the channel's own form: a WeCom template card, Slack
 * blocks, a Discord embed with components; as plain text where a channel has no such form.
 */
export interface Card {
  /** Comes back with every click: names the state on our side. `[0-9A-Za-z_-]{1,64}`, unique. */
  readonly id: string;
  readonly title: string;
  /** Markdown. */
  readonly text?: string;
  /** Facts in two columns, at most 6. */
  readonly fields: readonly { readonly label: string; readonly value: string }[];
  /** At most 5. */
  readonly buttons: readonly CardButton[];
  readonly select?: CardSelect;
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
  readonly label: string;
  readonly isMultiple: boolean;
  /** At most 10. */
  readonly options: readonly { readonly id: string; readonly label: string }[];
}

/** What a person clicked; who may decide is judged by `cardId`, on our side. */
export interface CardClick {
  readonly cardId: string;
  readonly buttonId: string;
  /** Ids of the chosen options. */
  readonly choices: readonly string[];
}
