import { wellFormedJson } from "../well-formed-json.ts";

/** One message of an answer, as it is stored until it is sent. */
export type Outgoing = (TextMessage | CardMessage | FileMessage) & {
  /** Place in its answer, from 0: the first one takes the place of what was shown before. */
  readonly n: number;
  /** How many there are. */
  readonly of: number;
};

interface TextMessage {
  readonly kind: "text";
  readonly content: string;
  /** For nobody but the person who asked, where Discord can do that. */
  readonly isPrivate?: true;
}

export interface CardMessage {
  readonly kind: "card";
  readonly embed: object;
  readonly components: readonly object[];
  /** The card in words, for where there are no embeds. */
  readonly words: string;
  /** Short custom ids of this card by what they stand for, where those are too long. */
  readonly aliases?: Readonly<Record<string, string>>;
}

interface FileMessage {
  readonly kind: "file";
  readonly name: string;
  /** Base64. */
  readonly data: string;
}

export type Message = TextMessage | CardMessage | FileMessage;

/** The messages of an answer as bodies. */
export const toBodies = (messages: readonly Message[]): readonly string[] =>
  messages.map((message, n) =>
    wellFormedJson({ ...message, n, of: messages.length } satisfies Outgoing),
  );

/** What `toBodies` made. */
export const fromBody = (body: string): Outgoing => JSON.parse(body) as Outgoing;
