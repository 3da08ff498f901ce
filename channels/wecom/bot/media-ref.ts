/** Where the bytes of a bot's attachment are, and what opens them. */
export interface MediaRef {
  /** Valid for five minutes. */
  readonly url: string;
  /** Base64; without it the bot's own EncodingAESKey opens the bytes. */
  readonly aeskey?: string;
}

/** As it is kept in a message until somebody opens the attachment. */
export const toMediaRef = (url: string, aeskey: string | undefined): string =>
  JSON.stringify({ url, ...(aeskey && { aeskey }) } satisfies MediaRef);

/** What `toMediaRef` was given. */
export const fromMediaRef = (ref: string): MediaRef => JSON.parse(ref) as MediaRef;
