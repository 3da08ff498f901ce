import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";

/** An HTTP proxy that makes tunnels, and says what it was asked for. */
export interface HttpProxy {
  /** Without credentials. */
  readonly url: string;
  /** `host:port` of every tunnel, and the credentials that came along. */
  readonly asked: readonly { readonly host: string; readonly authorization: string | undefined }[];
  /** From now on every tunnel is refused so. */
  refuse(status: number): void;
  close(): Promise<void>;
}

export const startHttpProxy = async (): Promise<HttpProxy> => {
  const asked: { host: string; authorization: string | undefined }[] = [];
  let refusal: number | undefined;
  const open = new Set<{ destroy(): unknown }>();
  const server = createServer();
  server.on("connect", ({ url = "", headers }, socket, head) => {
    asked.push({ host: url, authorization: headers["proxy-authorization"] });
    open.add(socket);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const [host, port] = url.split(":");
    const upstream = connect(Number(port), host, () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
    socket.on("close", () => upstream.destroy());
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked,
    refuse: (status) => {
      refusal = status;
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};
