import { EventEmitter, once } from "node:events";
import { writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { StartError } from "../../cli/errors.ts";
import { type Listener, listen, listenerProblem } from "../../cli/listener.ts";
import { selfSigned } from "../fakes/certificate.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const local = { host: "127.0.0.1", port: 0, trusted_proxies: [] };
const anyTls = { tls_version: "1.3" as const };
const handle: RequestListener = (_request, response) => {
  response.end("ok");
};
const listeners: Listener[] = [];

const listening = async (...args: Parameters<typeof listen>) => {
  const listener = await listen(...args);
  listeners.push(listener);
  return { listener, port: Number(new URL(listener.url).port) };
};

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.close(AbortSignal.abort())));
});

/** A certificate and its key as files, as server.tls names them. */
const certificate = (name = "localhost") => {
  const pem = selfSigned(name);
  const tls = {
    cert_file: join(folder.path, `${name}.crt`),
    key_file: join(folder.path, `${name}.key`),
  };
  writeFileSync(tls.cert_file, pem.cert);
  writeFileSync(tls.key_file, pem.key);
  return tls;
};

describe("a listener", () => {
  it.each(["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "127.0.0.1.example.com", "127.1"])(
    "on %s needs TLS or a declared proxy",
    (host) => {
      expect(listenerProblem({ ...local, host })).toContain("server.tls");
      expect(listenerProblem({ ...local, host, trusted_proxies: ["10.0.0.5"] })).toBeUndefined();
    },
  );

  it.each(["127.0.0.1", "127.9.9.9", "::1", "localhost"])("on %s may be plain", (host) => {
    expect(listenerProblem({ ...local, host })).toBeUndefined();
  });

  it("says what to do when its port is taken", async () => {
    const { port } = await listening(handle, local, anyTls);
    const second = listen(handle, { ...local, port }, anyTls);
    await expect(second).rejects.toThrow(StartError);
    await expect(second).rejects.toThrow(`127.0.0.1:${port} (EADDRINUSE): another program`);
  });

  it.each(["http://[", "http://[::1/api/health", "https://:99999/"])(
    "attack: answers 400 to the target %s, which no parser of URLs can read",
    async (target) => {
      const { port } = await listening(handle, local, anyTls);
      const socket = connect(port, "127.0.0.1");
      socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const [answer] = await once(socket, "data");
      expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /);
      socket.destroy();
    },
  );

  it("says which file of its certificate cannot be read", async () => {
    const tls = { ...certificate(), key_file: join(folder.path, "missing.key") };
    const started = listen(handle, { ...local, tls }, anyTls);
    await expect(started).rejects.toThrow(StartError);
    await expect(started).rejects.toThrow(/server\.tls\.key_file .*missing\.key .*ENOENT/);
  });

  it("refuses a key of another certificate", async () => {
    const tls = { ...certificate(), key_file: certificate("other").key_file };
    await expect(listen(handle, { ...local, tls }, anyTls)).rejects.toThrow(StartError);
  });
});

describe("TLS of a listener", () => {
  // The customer's values.
  const inTransit = {
    tls_version: "1.3" as const,
    cipher_suites: ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
  };
  const shake = async (port: number, options: ConnectionOptions) => {
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
    try {
      await once(socket, "secureConnect");
      return `${socket.getProtocol()} ${socket.getCipher().standardName}`;
    } finally {
      socket.destroy();
    }
  };

  it("speaks the version and the cipher suites of the settings and no other", async () => {
    const { port } = await listening(handle, { ...local, tls: certificate() }, inTransit);
    expect(await shake(port, {})).toBe("TLSv1.3 TLS_AES_256_GCM_SHA384");
    await expect(shake(port, { maxVersion: "TLSv1.2" })).rejects.toThrow();
    await expect(shake(port, { ciphers: "TLS_AES_128_GCM_SHA256" })).rejects.toThrow();
  });
});

describe("a plain listener beyond loopback", () => {
  const [outside] = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === "IPv4" && !internal),
  );

  it.skipIf(!outside)("lets in the declared proxies and loopback, nobody else", async () => {
    const statusFrom = async (host: string, proxy: string) => {
      const server = { ...local, host: "0.0.0.0", trusted_proxies: [proxy] };
      const { port } = await listening(handle, server, anyTls);
      const response = await fetch(`http://${host}:${port}`);
      await response.text();
      return response.status;
    };
    const address = outside?.address ?? "";
    expect(await statusFrom(address, address)).toBe(200);
    expect(await statusFrom(address, `${address}/24`)).toBe(200);
    expect(await statusFrom(address, "203.0.113.7")).toBe(403);
    expect(await statusFrom("127.0.0.1", "203.0.113.7")).toBe(200);
  });
});

describe("closing a listener", () => {
  it("waits for open requests, but not beyond the signal for one that never ends", async () => {
    const requests = new EventEmitter();
    const { listener, port } = await listening(
      (request, response) => {
        requests.emit("begun");
        request.once("end", () => response.end()).resume();
      },
      local,
      anyTls,
    );
    const begun = once(requests, "begun");
    const slow = connect(port, "127.0.0.1").on("error", () => {});
    slow.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
    await begun;
    const deadline = new AbortController();
    const closed = listener.close(deadline.signal);
    const isOpen = await new Promise((resolve) => {
      closed.then(() => resolve(false));
      slow.once("close", () => resolve(false));
      setImmediate(() => setImmediate(() => resolve(true)));
    });
    expect(isOpen).toBe(true);
    deadline.abort();
    await closed;
  });

  it("attack: is not held up by who never ends a request, so that running turns keep their time", async () => {
    const { listener, port } = await listening(handle, local, anyTls, 1);
    const slow = connect(port, "127.0.0.1").on("error", () => {});
    await once(slow, "connect");
    slow.write("POST / HTTP/1.1\r\nHost:");
    await listener.close(new AbortController().signal);
  });
});
