import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./free-port.ts";

/** A way to a server on this machine that can be cut for good, as for a machine that died. */
export interface CuttableLink {
  readonly port: number;
  /** Leads new connections elsewhere, as an address does after a failover; the others stay. */
  redirect(toPort: number): void;
  /** Ends every connection and takes no new ones. */
  cut(): Promise<void>;
}

export const cuttableLink = async (firstPort: number): Promise<CuttableLink> => {
  const port = await freePort();
  let toPort = firstPort;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(toPort, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {}); // its end is told by close
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port,
    redirect: (elsewhere) => {
      toPort = elsewhere;
    },
    cut: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};
