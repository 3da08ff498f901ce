/** What the first bytes of a connection say about its TLS, as far as they have come. */
export type ClientHello =
  /** Nothing more can be said before there are so many bytes from the start. */
  | { readonly kind: "incomplete"; readonly neededBytes: number }
  | { readonly kind: "not tls" }
  | { readonly kind: "invalid"; readonly reason: string }
  /** `serverName` is as sent; undefined without the extension. */
  | {
      readonly kind: "hello";
      readonly serverName: string | undefined;
      readonly isEncrypted: boolean;
    };

// More than any client says at once, post-quantum keys and session tickets included.
const MAX_HELLO_BYTES = 32 * 1024;

const HANDSHAKE_RECORD = 22;
const MAX_RECORD_BYTES = 2 ** 14;
const MAX_RECORDS = 1024;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
// Both hide the name that counts: Encrypted Client Hello, and the draft before it.
const ENCRYPTED = [0xfe0d, 0xffce];

/**
 * Reads the server name from the start of a TLS connection, in however many records it comes.
 * Anything that two readers could understand differently is invalid.
 * @see https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2
 * @see https://www.rfc-editor.org/rfc/rfc6066#section-3
 */
export const readClientHello = (bytes: Buffer): ClientHello => {
  const message = joinRecords(bytes);
  if (!Buffer.isBuffer(message)) return message;
  try {
    return parse(new Reader(message));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return invalid("lengths in the ClientHello do not add up");
  }
};

const invalid = (reason: string): ClientHello => ({ kind: "invalid", reason });

/** The handshake message without its header, once all its records are there. */
const joinRecords = (bytes: Buffer): Buffer | ClientHello => {
  const fragments: Buffer[] = [];
  let [at, gathered, end] = [0, 0, Infinity];
  while (gathered < end) {
    const [type, major] = [bytes[at], bytes[at + 1]];
    if ((type ?? HANDSHAKE_RECORD) !== HANDSHAKE_RECORD || (major ?? 3) !== 3) {
      return at === 0 ? { kind: "not tls" } : invalid("another record cuts the ClientHello");
    }
    if (fragments.length === MAX_RECORDS) return invalid("the ClientHello is cut too small");
    if (bytes.length < at + 5) return { kind: "incomplete", neededBytes: at + 5 };
    const size = bytes.readUInt16BE(at + 3);
    if (size === 0 || size > MAX_RECORD_BYTES) return invalid("a record has an impossible length");
    if (bytes.length < at + 5 + size) return { kind: "incomplete", neededBytes: at + 5 + size };
    fragments.push(bytes.subarray(at + 5, at + 5 + size));
    at += 5 + size;
    gathered += size;
    if (end === Infinity && gathered >= 4) {
      const head = Buffer.concat(fragments);
      if (head[0] !== CLIENT_HELLO) return invalid("the first message is not a ClientHello");
      end = 4 + head.readUIntBE(1, 3);
      if (end > MAX_HELLO_BYTES) return invalid("the ClientHello is too long");
    }
  }
  if (gathered > end) return invalid("something follows the ClientHello in its record");
  return Buffer.concat(fragments).subarray(4);
};

const parse = (hello: Reader): ClientHello => {
  hello.take(2 + 32); // version and random
  hello.takeVector(1); // session id
  hello.takeVector(2); // cipher suites
  hello.takeVector(1); // compression methods
  let serverName: string | undefined;
  let isEncrypted = false;
  const seen = new Set<number>();
  const extensions = hello.isAtEnd ? undefined : hello.takeVector(2);
  while (extensions?.isAtEnd === false) {
    const type = extensions.takeNumber(2);
    const data = extensions.takeVector(2);
    if (seen.has(type)) return invalid("an extension comes twice");
    seen.add(type);
    if (ENCRYPTED.includes(type)) isEncrypted = true;
    if (type !== SERVER_NAME) continue;
    const names = data.takeVector(2);
    if (names.takeNumber(1) !== HOST_NAME) {
      return invalid("the server name is of an unknown type");
    }
    serverName = names.takeVector(2).rest();
    if (!names.isAtEnd || !data.isAtEnd) {
      return invalid("there is more than one server name");
    }
  }
  return hello.isAtEnd
    ? { kind: "hello", serverName, isEncrypted }
    : invalid("lengths in the ClientHello do not add up");
};

/** Takes numbers and length-prefixed parts off the front; throws RangeError past the end. */
class Reader {
  #at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new RangeError("past the end");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  takeNumber(size: number): number {
    return this.take(size).readUIntBE(0, size);
  }

  takeVector(lengthSize: number): Reader {
    return new Reader(this.take(this.takeNumber(lengthSize)));
  }

  rest(): string {
    return this.take(this.#bytes.length - this.#at).toString("latin1");
  }
}
