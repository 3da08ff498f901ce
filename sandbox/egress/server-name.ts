import type { Socket } from "node:net";
import { type ClientHello, readClientHello } from "./client-hello.ts";
import { foldHost } from "./host-name.ts";
import { quoted } from "./request-head.ts";

/** Whom a client wants to reach by TLS, or why that cannot be said. */
export type ServerName =
  | { readonly kind: "name"; readonly host: string }
  | { readonly kind: "bad name"; readonly rule: string; readonly text: string }
  | { readonly kind: "none"; readonly rule: string; readonly isTls: boolean };

/** Waits for the ClientHello and leaves it in the stream. Never rejects. */
export const readServerName = async (client: Socket, timeoutMs: number): Promise<ServerName> => {
  const hello = await peekHello(client, timeoutMs);
  const none = (rule: string, isTls = true): ServerName => ({ kind: "none", rule, isTls });
  if (hello === "late") return none("no ClientHello came in time", false);
  if (hello === "closed") return none("the connection ended before a ClientHello", false);
  if (hello.kind === "not tls") return none("only TLS may pass here", false);
  if (hello.kind === "incomplete") return none("the ClientHello is incomplete");
  if (hello.kind === "invalid") return none(hello.reason);
  if (hello.isEncrypted) return none("the ClientHello hides its server name (ECH)");
  if (hello.serverName === undefined) return none("the ClientHello has no server name");
  const host = foldHost(hello.serverName);
  return host.kind === "name"
    ? { kind: "name", host: host.name }
    : { kind: "bad name", rule: "the server name is no host name", text: quoted(hello.serverName) };
};

const peekHello = (client: Socket, timeoutMs: number): Promise<ClientHello | "late" | "closed"> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let [size, needed] = [0, 1];
    const settle = (result: ClientHello | "late" | "closed") => {
      clearTimeout(timer);
      client.off("data", read).off("end", ended).off("close", ended);
      client.pause();
      if (size > 0 && !client.readableEnded) client.unshift(Buffer.concat(chunks));
      resolve(result);
    };
    const read = (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size < needed) return;
      const hello = readClientHello(Buffer.concat(chunks));
      if (hello.kind === "incomplete") needed = hello.neededBytes;
      else settle(hello);
    };
    const ended = () => settle("closed");
    const timer = setTimeout(() => settle("late"), timeoutMs);
    client.on("data", read).on("end", ended).on("close", ended);
    if (client.destroyed || client.readableEnded) ended();
  });
