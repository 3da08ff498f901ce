import { createCipheriv } from "node:crypto";
import { decrypt, encrypt } from "@wecom/crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSignedWith, open, seal } from "../../../channels/wecom/envelope.ts";
import { chainOf } from "../../../channels/wecom/key-chain.ts";
import { newCloudApp } from "../../fakes/wecom-cloud.ts";
import { encryptText, signatureOf } from "../../fakes/wecom-envelope.ts";

// Invented credentials; the values were computed independently of this code.
const KNOWN = {
  token: "exampleToken01",
  key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
  receiveId: "wwexample000000001",
  random: Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
  message: "<xml><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好]]></Content></xml>",
  encrypted:
    "IG+0eOkLdhYW9kHtuT3HY2R//f8cyvVxFxe8mGw+jKDTi6EmWZWqxcvfo6PuHM6SDOoaISsd31+F9L7R/3GpcAQvpY20" +
    "D5vufdxnMPOeOj1t91jiS4cmXR9A2fn5Tp2GTWSXH/zOgN0xuSROGhwXJRKrwWLWH5t8hfotsmC8aiU=",
  signature: "dd42f96f9a3beb0cc8f203b673943b53f1767cb4",
};

const app = newCloudApp();
const pair = { token: app.token, encoding_aes_key: app.encodingAesKey };
const anyText = fc.string({ unit: "grapheme", maxLength: 300 });

/** What may be opened, said in another way: what the library's own two functions agree on. */
const openByEncryptingAgain = (encrypted: string, key: string, receiveId: string) => {
  try {
    const { message, id, random } = decrypt(key, encrypted);
    if (encrypt(key, message, id, random) !== encrypted) throw new Error("not the same");
    return id === receiveId
      ? { isOpen: true, text: message }
      : { isOpen: false, reason: "RECEIVE_ID" };
  } catch {
    return { isOpen: false, reason: "CIPHERTEXT" };
  }
};

describe("the envelope", () => {
  it("agrees with the known answer", () => {
    const { key, message, receiveId, random, token } = KNOWN;
    expect(encrypt(key, message, receiveId, random)).toBe(KNOWN.encrypted);
    expect(open(KNOWN.encrypted, key, receiveId)).toEqual({ isOpen: true, text: message });
    const sealed = { encrypt: KNOWN.encrypted, timestamp: "1700000000", nonce: "abc123" };
    expect(isSignedWith(token, { ...sealed, signature: KNOWN.signature })).toBe(true);
  });

  it("opens what it sealed, whatever the text", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const sealed = seal(text, pair, app.corpId, "1700000000", "nonce");
        expect(isSignedWith(pair.token, sealed)).toBe(true);
        const opened = open(sealed.encrypt, pair.encoding_aes_key, app.corpId);
        expect(opened).toEqual({ isOpen: true, text });
      }),
    );
  });

  it("opens what another implementation encrypted, at every remainder of the padding", () => {
    for (let length = 0; length <= 64; length += 1) {
      const text = "x".repeat(length);
      const opened = open(encryptText(text, app), app.encodingAesKey, app.corpId);
      expect(opened).toEqual({ isOpen: true, text });
    }
  });

  it("seals what the platform's own library opens, whatever came before", () => {
    const other = newCloudApp();
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 5 }), (texts) => {
        for (const text of texts) {
          const sealed = seal(text, pair, app.corpId, "1700000000", "nonce");
          expect(decrypt(pair.encoding_aes_key, sealed.encrypt)).toMatchObject({
            message: Buffer.from(text).toString(),
            id: app.corpId,
          });
          open(encryptText(text, other), app.encodingAesKey, app.corpId); // garbage, to this key
          const encrypted = encryptText(text, app);
          const opened = open(encrypted, app.encodingAesKey, app.corpId);
          expect(opened).toEqual({ isOpen: true, text: Buffer.from(text).toString() });
        }
      }),
    );
  });

  it("takes whole blocks only, so that nothing stays behind for the next message", () => {
    const chain = chainOf(app.encodingAesKey);
    expect(() => chain.encrypt(Buffer.alloc(17))).toThrow(RangeError);
    expect(() => chain.decrypt(Buffer.alloc(15))).toThrow(RangeError);
    const opened = open(encryptText("hello", app), app.encodingAesKey, app.corpId);
    expect(opened).toEqual({ isOpen: true, text: "hello" });
  });

  it("opens with a key whose surplus bits are not zero", () => {
    const encodingAesKey = `${app.encodingAesKey.slice(0, 42)}B`;
    const encrypted = encryptText("hello", { ...app, encodingAesKey });
    expect(open(encrypted, encodingAesKey, app.corpId).isOpen).toBe(true);
  });

  it("opens exactly what encrypting again gives byte for byte", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const plain = fc
      .record({
        text: fc.uint8Array({ maxLength: 70 }),
        lengthOff: fc.constantFrom(0, 0, 0, 1, -1, 1000, 0x7fffffff),
        isText: fc.boolean(),
        id: fc.constantFrom(app.corpId, app.corpId, "", "other"),
        padding: fc.constantFrom("right", "right", "zero", "long", "short", "mixed"),
        odd: byte,
      })
      .map(({ text, lengthOff, isText, id, padding, odd }) => {
        const message = isText
          ? Buffer.from(Buffer.from(text).toString("utf8"))
          : Buffer.from(text);
        const head = Buffer.alloc(20);
        head.writeUInt32BE(Math.max(0, message.length + lengthOff), 16);
        const body = Buffer.concat([head, message, Buffer.from(id)]);
        const pad = 32 - (body.length % 32);
        const long = padding === "long" ? pad + 32 : pad;
        const short = padding === "short" ? ((pad + 15) % 32) + 1 : long;
        const tail = Buffer.alloc(short, padding === "zero" ? 0 : short);
        if (padding === "mixed") tail[0] = odd;
        return Buffer.concat([body, tail]);
      });
    let opened = 0;
    fc.assert(
      fc.property(plain, (bytes) => {
        if (bytes.length % 16 !== 0) return;
        const key = Buffer.from(`${app.encodingAesKey}=`, "base64");
        const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, 16)).setAutoPadding(
          false,
        );
        const encrypted = Buffer.concat([cipher.update(bytes), cipher.final()]).toString("base64");
        const ours = open(encrypted, app.encodingAesKey, app.corpId);
        if (ours.isOpen) opened++;
        expect(ours).toEqual(openByEncryptingAgain(encrypted, app.encodingAesKey, app.corpId));
      }),
      { numRuns: 1000 },
    );
    expect(opened).toBeGreaterThan(10);
  });

  it("seals the same text differently every time", () => {
    const sealed = () => seal("hello", pair, app.corpId, "1700000000", "nonce").encrypt;
    expect(sealed()).not.toBe(sealed());
  });

  it("never gives the original text for a flipped bit", () => {
    const text = "a message of some length, so that there are blocks";
    const encrypted = encryptText(text, app);
    const bytes = Buffer.from(encrypted, "base64");
    // The first block is random, and a flip in it reaches the length and the text's start.
    for (let index = 4; index < bytes.length; index += 1) {
      const forged = Buffer.from(bytes);
      forged[index] = (forged[index] ?? 0) ^ 0x80;
      const opened = open(forged.toString("base64"), app.encodingAesKey, app.corpId);
      // A flip may garble the text unnoticed: the signature, checked before, is what protects it.
      expect(opened).not.toEqual({ isOpen: true, text });
    }
  });

  const badPadding: Record<string, (bytes: Buffer) => Buffer> = {
    "inconsistent padding": (bytes) => {
      bytes[bytes.length - 2] = (bytes[bytes.length - 2] ?? 0) ^ 1;
      return bytes;
    },
    "a padding of 0": (bytes) => {
      bytes[bytes.length - 1] = 0;
      return bytes;
    },
    "a padding of 33": (bytes) => {
      bytes[bytes.length - 1] = 33;
      return bytes;
    },
    "padding to 16 bytes only": (bytes) => Buffer.concat([bytes, Buffer.alloc(16, 16)]),
    "a length beyond the data": (bytes) => {
      bytes.writeUInt32BE(0xffff, 16);
      return bytes;
    },
    "a plaintext of one block": () => Buffer.alloc(16, 16),
    "nothing but padding": () => Buffer.alloc(32, 32),
    "bytes that are not UTF-8": (bytes) => {
      bytes[20] = 0xff;
      return bytes;
    },
  };
  it.each(Object.entries(badPadding))("refuses %s", (_name, plaintext) => {
    // 30 bytes of message leave more than one byte of padding.
    const encrypted = encryptText("x".repeat(30), app, { plaintext });
    const opened = open(encrypted, app.encodingAesKey, app.corpId);
    expect(opened).toEqual({ isOpen: false, reason: "CIPHERTEXT" });
  });

  it.each(["", "=", "!!!!", "AAAA", "A".repeat(43), " ".repeat(64), `${"A".repeat(42)}-_`])(
    "refuses the ciphertext %j",
    (encrypted) => {
      const opened = open(encrypted, app.encodingAesKey, app.corpId);
      expect(opened).toEqual({ isOpen: false, reason: "CIPHERTEXT" });
    },
  );

  it("refuses characters in the ciphertext that a base64 decoder would skip", () => {
    const encrypted = encryptText("hello", app);
    for (const skipped of ["\n", " ", "!", "====", "\u0000"]) {
      const forged = `${encrypted.slice(0, 8)}${skipped}${encrypted.slice(8)}`;
      expect(open(forged, app.encodingAesKey, app.corpId).isOpen).toBe(false);
    }
  });

  it("opens a ciphertext whose surplus bits are not zero", () => {
    const { encrypted, key, receiveId } = KNOWN; // ends with "U=", 4 bits and 2 surplus ones
    expect(encrypted).toMatch(/U=$/);
    const opened = open(encrypted, key, receiveId);
    expect(opened.isOpen).toBe(true);
    expect(open(encrypted.replace(/U=$/, "V="), key, receiveId)).toEqual(opened);
  });

  it.each([
    "",
    "wwexample00000000",
    "wwexample0000000011",
    "WWEXAMPLE000000001",
    " wwexample000000001",
  ])("refuses the receiveid %j", (receiveId) => {
    const opened = open(encryptText("hello", app, { receiveId }), app.encodingAesKey, app.corpId);
    expect(opened).toEqual({ isOpen: false, reason: "RECEIVE_ID" });
  });

  it("refuses what another key encrypted", () => {
    const opened = open(encryptText("hello", newCloudApp()), app.encodingAesKey, app.corpId);
    expect(opened.isOpen).toBe(false);
  });

  it("refuses every signature but the one, whatever its length", () => {
    const values = { encrypt: "AAAA", timestamp: "1700000000", nonce: "n" };
    const right = signatureOf(app.token, values.timestamp, values.nonce, values.encrypt);
    expect(isSignedWith(app.token, { ...values, signature: right })).toBe(true);
    const wrong = ["", right.slice(1), `${right}0`, right.toUpperCase(), "你".repeat(40)];
    for (const signature of wrong) {
      expect(isSignedWith(app.token, { ...values, signature })).toBe(false);
    }
  });

  it("signs like another implementation, whatever the values", () => {
    fc.assert(
      fc.property(fc.array(fc.base64String(), { minLength: 4, maxLength: 4 }), (values) => {
        const [token = "", timestamp = "", nonce = "", encrypted = ""] = values;
        const expected = signatureOf(token, timestamp, nonce, encrypted);
        const sealed = { encrypt: encrypted, timestamp, nonce, signature: expected };
        expect(isSignedWith(token, sealed)).toBe(true);
      }),
    );
  });
});
