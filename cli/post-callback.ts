import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { type ClientRequest, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { TLSSocket } from "node:tls";

export type Posted =
  | { readonly kind: "response"; readonly status: number; readonly body: string }
  /** Nobody listens there, or not the one whose certificate it should be. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** Connected, but no complete response came. */
  | { readonly kind: "lost" };

// https://developer.work.weixin.qq.com/document/path/90930
const CUT_OFF_MS = 5_000;

/** Posts one callback and waits as long as the WeCom cloud would. Over TLS the peer must show `certFile`. */
export const postCallback = (
  url: string,
  body: string,
  certFile: string | undefined,
  deadline: AbortSignal,
): Promise<Posted> =>
  new Promise((resolve) => {
    const request = open(url, Buffer.byteLength(body), certFile);
    let isConnected = false;
    const fail = (reason: string): void => {
      resolve(isConnected ? { kind: "lost" } : { kind: "unreachable", reason });
      request.destroy();
    };
    const cutOff = setTimeout(() => fail("no connection in time"), CUT_OFF_MS);
    const giveUp = () => fail("no connection in time");
    deadline.addEventListener("abort", giveUp, { once: true });
    request.on("close", () => {
      clearTimeout(cutOff);
      deadline.removeEventListener("abort", giveUp);
    });
    request.on("socket", (socket) => {
      socket.once(certFile ? "secureConnect" : "connect", () => {
        if (certFile && !(socket instanceof TLSSocket && shows(socket, certFile))) {
          fail(`its certificate is not the one in ${certFile}`);
          return;
        }
        isConnected = true;
        request.end(body);
      });
    });
    request.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? "connection failed"));
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => fail("connection broken"));
      response.on("end", () =>
        resolve({
          kind: "response",
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
  });

const open = (url: string, length: number, certFile: string | undefined): ClientRequest => {
  const headers = { "content-type": "text/xml", "content-length": length };
  // A private certificate need not name the address that we use: it is compared itself, before
  // anything is sent.
  return certFile === undefined
    ? requestHttp(url, { method: "POST", agent: false, headers })
    : requestHttps(url, { method: "POST", agent: false, headers, rejectUnauthorized: false });
};

const shows = (socket: TLSSocket, certFile: string): boolean =>
  socket.getPeerX509Certificate()?.fingerprint256 ===
  new X509Certificate(readFileSync(certFile)).fingerprint256;
