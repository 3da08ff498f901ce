import { createConnection, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { SandboxError } from "../../errors.ts";

const RETRY_MS = 10;
// `OK <port>\n`, the port being a u32.
const LONGEST_ANSWER = 16;

/**
 * Connects to a port that the guest listens on. Tries again until somebody listens, and gives up at
 * the deadline or when the machine is gone. Nothing that follows the acknowledgement is lost.
 * @see https://github.com/firecracker-microvm/firecracker/blob/main/docs/vsock.md#host-initiated-connections
 */
export const connectGuest = async (
  udsPath: string,
  port: number,
  deadline: AbortSignal,
): Promise<Socket> => {
  for (;;) {
    const socket = await attempt(udsPath, port, deadline);
    if (socket !== undefined) return socket;
    if (deadline.aborted) throw new SandboxError("the guest does not answer: it did not boot");
    await delay(RETRY_MS);
  }
};

/** Resolves with undefined when nobody listens yet. */
const attempt = (udsPath: string, port: number, deadline: AbortSignal) =>
  new Promise<Socket | undefined>((resolve) => {
    const socket = createConnection(udsPath);
    let answer = Buffer.alloc(0);
    const end = (result: Socket | undefined) => {
      deadline.removeEventListener("abort", refuse);
      socket.removeAllListeners();
      if (result === undefined) {
        socket.on("error", () => {});
        socket.destroy();
      }
      resolve(result);
    };
    const refuse = () => end(undefined);
    if (deadline.aborted) return refuse();
    deadline.addEventListener("abort", refuse);
    socket.on("connect", () => socket.write(`CONNECT ${port}\n`));
    socket.on("error", refuse);
    socket.on("close", refuse);
    socket.on("data", (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      const lineEnd = answer.indexOf("\n");
      if (lineEnd < 0 && answer.length <= LONGEST_ANSWER) return;
      if (!/^OK \d{1,10}$/.test(answer.toString("latin1", 0, Math.max(0, lineEnd))))
        return refuse();
      socket.pause();
      end(socket);
      if (answer.length > lineEnd + 1) socket.unshift(answer.subarray(lineEnd + 1));
    });
  });
