import { connect, type Socket } from "node:net";
import { type SecureContext, type TLSSocket, connect as tlsConnect } from "node:tls";
import type { Destination } from "./destination.ts";

/** Nothing could be fetched from a host that may be asked. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly status: 502 | 504;

  constructor(status: 502 | 504, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Connects to the addresses that were judged, and no other. Throws UpstreamError. */
export const dial = (
  { host, addresses, dialPort }: Destination,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> =>
  ready(
    connect({
      host,
      port: dialPort,
      allowHalfOpen: true,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: 1_000,
      // Stands in for DNS, which was asked already and could answer otherwise now.
      lookup: (_name, { all }, done) => {
        const found = addresses.map((address) => ({
          address,
          family: address.includes(":") ? 6 : 4,
        }));
        const [first] = found;
        if (all === true) done(null, found);
        else done(null, first?.address ?? "", first?.family);
      },
    }),
    "connect",
    timeoutMs,
    signal,
  );

/** Begins TLS on a dialled connection; the certificate has to be the host's. Throws UpstreamError. */
export const startTls = (
  socket: Socket,
  { host }: Destination,
  secureContext: SecureContext,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TLSSocket> =>
  ready(
    tlsConnect({ socket, servername: host, secureContext, ALPNProtocols: ["http/1.1"] }),
    "secureConnect",
    timeoutMs,
    signal,
  );

const ready = <S extends Socket>(
  socket: S,
  event: "connect" | "secureConnect",
  timeoutMs: number,
  signal: AbortSignal,
): Promise<S> =>
  new Promise((resolve, reject) => {
    const settle = (error?: UpstreamError) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      if (error === undefined) return resolve(socket);
      socket.destroy();
      reject(error);
    };
    const abort = () => settle(new UpstreamError(502, "the client has gone"));
    const timer = setTimeout(
      () => settle(new UpstreamError(504, "the host did not answer in time")),
      timeoutMs,
    );
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    socket.once(event, () => settle());
    // Stays for good: an error after the start is seen by whoever reads the stream, too.
    socket.on("error", (error: NodeJS.ErrnoException) =>
      settle(
        new UpstreamError(502, `the host cannot be reached (${error.code ?? "unknown"})`, {
          cause: error,
        }),
      ),
    );
  });
