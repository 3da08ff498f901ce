import { Duplex } from "node:stream";
import { connect } from "node:tls";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type ClientHello, readClientHello } from "../../../sandbox/egress/client-hello.ts";

/** The first bytes that Node's TLS says. */
const helloOf = (servername: string): Promise<Buffer> =>
  new Promise((resolve) => {
    const wire = new Duplex({ read() {}, write: (chunk: Buffer) => resolve(chunk) });
    connect({ socket: wire, servername }).on("error", () => {});
  });

const vector = (lengthSize: number, bytes: Buffer): Buffer => {
  const length = Buffer.alloc(lengthSize);
  length.writeUIntBE(bytes.length, 0, lengthSize);
  return Buffer.concat([length, bytes]);
};
const extension = (type: number, data: Buffer): Buffer =>
  Buffer.concat([Buffer.from([type >> 8, type & 255]), vector(2, data)]);
const serverName = (...names: readonly string[]): Buffer =>
  extension(
    0,
    vector(
      2,
      Buffer.concat(
        names.map((name) => Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name))])),
      ),
    ),
  );
const message = (...extensions: readonly Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from([1]),
    vector(
      3,
      Buffer.concat([
        Buffer.alloc(34, 3),
        vector(1, Buffer.alloc(0)),
        vector(2, Buffer.from([0x13, 1])),
        vector(1, Buffer.from([0])),
        vector(2, Buffer.concat(extensions)),
      ]),
    ),
  ]);
const record = (bytes: Buffer, type = 22): Buffer =>
  Buffer.concat([Buffer.from([type, 3, 1]), vector(2, bytes)]);
const named = (name: string): ClientHello => ({
  kind: "hello",
  serverName: name,
  isEncrypted: false,
});

describe("a ClientHello", () => {
  let real: Buffer;
  beforeAll(async () => {
    real = await helloOf("api.example.com");
  });

  it("tells the name that Node's TLS asks for", () => {
    expect(readClientHello(real)).toEqual(named("api.example.com"));
  });

  it("tells the same however it is cut into records", () => {
    const body = real.subarray(5);
    fc.assert(
      fc.property(fc.array(fc.nat(body.length), { maxLength: 40 }), (cuts) => {
        const edges = [0, ...new Set(cuts.filter((cut) => cut > 0 && cut < body.length))];
        edges.sort((left, right) => left - right);
        const records = edges.map((from, index) => record(body.subarray(from, edges[index + 1])));
        expect(readClientHello(Buffer.concat(records))).toEqual(named("api.example.com"));
      }),
    );
    const single = [...body].map((byte) => record(Buffer.from([byte])));
    expect(readClientHello(Buffer.concat(single))).toEqual(named("api.example.com"));
  });

  it("is incomplete until its last byte, and asks for no byte that is not needed", () => {
    for (let size = 0; size < real.length; size++) {
      const part = readClientHello(real.subarray(0, size));
      expect(part.kind).toBe("incomplete");
      if (part.kind !== "incomplete") continue;
      expect(part.neededBytes).toBeGreaterThan(size);
      expect(part.neededBytes).toBeLessThanOrEqual(real.length);
    }
  });

  it("may be followed by records of other types", () => {
    const early = record(Buffer.alloc(9), 23);
    expect(readClientHello(Buffer.concat([real, early]))).toEqual(named("api.example.com"));
  });

  it("may have no server name, or one that is encrypted", () => {
    expect(readClientHello(record(message()))).toMatchObject({ serverName: undefined });
    const encrypted = message(serverName("a.test"), extension(0xfe0d, Buffer.alloc(4)));
    expect(readClientHello(record(encrypted))).toMatchObject({ isEncrypted: true });
  });

  it.each([
    ["two server names", record(message(serverName("a.test", "b.test")))],
    ["the extension twice", record(message(serverName("a.test"), serverName("b.test")))],
    ["a name of another type", record(message(extension(0, vector(2, Buffer.from([7, 0, 0])))))],
    ["bytes after the name", record(message(extension(0, Buffer.from([0, 4, 0, 0, 1, 97, 9]))))],
    ["a length past the end", record(message(Buffer.from([0, 0, 0, 99])))],
    ["another message first", record(Buffer.from([2, 0, 0, 0]))],
    [
      "another message behind it",
      record(Buffer.concat([message(serverName("a.test")), Buffer.from([1])])),
    ],
    ["an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["a record that is too long", Buffer.from([22, 3, 1, 0x40, 1])],
    ["a length of megabytes", record(Buffer.from([1, 0x7f, 0xff, 0xff]))],
    [
      "another record in its midst",
      Buffer.concat([
        record(message(serverName("a.test")).subarray(0, 9)),
        record(Buffer.alloc(2), 23),
      ]),
    ],
    [
      "a thousand crumbs",
      Buffer.concat([
        record(Buffer.from([1, 0, 0x70, 0])),
        ...Array.from({ length: 1100 }, () => record(Buffer.from([0]))),
      ]),
    ],
  ])("is refused with %s", (_what, bytes) => {
    expect(readClientHello(bytes).kind).toBe("invalid");
  });

  it("is nothing that another protocol says", () => {
    for (const text of [
      "GET / HTTP/1.1\r\n",
      "SSH-2.0-x",
      "\x80\x2e\x01\x00\x02",
      "\x16\x02\x00",
    ]) {
      expect(readClientHello(Buffer.from(text, "latin1"))).toEqual({ kind: "not tls" });
    }
  });

  it("is never read past its end, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(511), (noise, at) => {
        readClientHello(Buffer.from(noise));
        const bent = Buffer.from(real);
        bent.set(
          noise.subarray(0, Math.max(0, bent.length - at)).subarray(0, 8),
          at % (bent.length - 8),
        );
        readClientHello(bent);
        readClientHello(record(Buffer.concat([Buffer.from([1, 0, 0, noise.length & 255]), noise])));
      }),
    );
  });
});
