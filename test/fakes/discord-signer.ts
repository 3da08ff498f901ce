import { generateKeyPairSync, sign } from "node:crypto";

/** How a request to the interactions endpoint is signed; by default as Discord does, just now. */
export interface DiscordSigning {
  readonly at?: Date;
  readonly signature?: string;
}

/** Discord's end of the interactions endpoint. */
export interface DiscordSigner {
  /** For `channels.discord.public_key`. */
  readonly publicKey: string;
  /** Posts it signed: an object as JSON, a text or bytes as they are. */
  post(url: string, body: object | string | Uint8Array, how?: DiscordSigning): Promise<Response>;
}

/** One with a key of its own. */
export const discordSigner = (): DiscordSigner => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex"),
    post: (url, body, { at = new Date(), signature } = {}) => {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      const bytes = Buffer.from(isRaw ? body : JSON.stringify(body));
      const timestamp = String(Math.floor(at.getTime() / 1000));
      const signed = Buffer.concat([Buffer.from(timestamp), bytes]);
      return fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "x-signature-ed25519": signature ?? sign(null, signed, privateKey).toString("hex"),
          "x-signature-timestamp": timestamp,
        },
        body: new Uint8Array(bytes),
      });
    },
  };
};
