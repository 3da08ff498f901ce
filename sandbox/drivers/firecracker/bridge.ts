import { chownSync, lstatSync, readdirSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";
import { INSIDE, type Jail } from "./jail.ts";

/** Sockets of a host folder that a guest can reach, each by a vsock port. */
export interface Bridge {
  readonly sockets: readonly { readonly name: string; readonly port: number }[];
  close(): void;
}

const FIRST_PORT = 5001;

/**
 * Lets connections that the guest makes to a vsock port through to a socket of the folder.
 * @see https://github.com/firecracker-microvm/firecracker/blob/main/docs/vsock.md#guest-initiated-connections
 */
export const openBridge = async (folder: string, jail: Jail, uid: number): Promise<Bridge> => {
  const names = readdirSync(folder).filter((name) => lstatSync(join(folder, name)).isSocket());
  const sockets = names.map((name, index) => ({ name, port: FIRST_PORT + index }));
  const servers: Server[] = [];
  const close = () => {
    for (const server of servers) server.close();
  };
  try {
    for (const { name, port } of sockets) {
      const path = `${join(jail.root, INSIDE.vsock)}_${port}`;
      servers.push(await listen(path, join(folder, name)));
      chownSync(path, uid, uid); // Firecracker connects to it as this user
    }
  } catch (error) {
    close();
    throw error;
  }
  return { sockets, close };
};

const listen = (path: string, target: string): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (guest) => {
      const host = createConnection({ path: target, allowHalfOpen: true });
      const end = () => {
        guest.destroy();
        host.destroy();
      };
      for (const socket of [guest, host]) {
        socket.on("error", end);
      }
      guest.pipe(host).pipe(guest);
    });
    server.once("error", reject);
    server.listen(path, () => resolve(server));
  });
