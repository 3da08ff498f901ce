/** One thing that is sent, as it is stored until then; with `hasMore` another part comes after it. */
export type Outgoing =
  | { readonly kind: "text"; readonly text: string; readonly hasMore?: true }
  | {
      readonly kind: "markdown";
      readonly text: string;
      readonly hasMore?: true;
      /** The same for where no markup is shown; absent from what is one of several parts. */
      readonly plain?: string;
    }
  | { readonly kind: "card"; readonly card: object; readonly type?: LinkCardType }
  | {
      readonly kind: "file";
      readonly type: MediaType;
      readonly name: string;
      readonly data: string;
    };

/** What a card is that only leads somewhere, where an application sends it; every other is a template card. */
export type LinkCardType = "textcard" | "news";

/** What the platform tells files apart by. */
export type MediaType = "image" | "voice" | "video" | "file";

// No text holds it: XML cannot carry it, so it is taken out of every text.
const NOT_A_TEXT = "\u0001";

/** A text is stored as it is, unless more follows; everything else as JSON behind a character that no text holds. */
export const toBody = (outgoing: Outgoing): string =>
  outgoing.kind === "text" && !outgoing.hasMore
    ? outgoing.text
    : `${NOT_A_TEXT}${JSON.stringify(outgoing)}`;

/** What `toBody` was given. */
export const fromBody = (body: string): Outgoing =>
  body.startsWith(NOT_A_TEXT)
    ? (JSON.parse(body.slice(1)) as Outgoing)
    : { kind: "text", text: body };
