import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

/** Plays gVisor's side of a trace: connects where the configuration says, and sends what it is told. */
export interface Sentry {
  /** Resolves when the packet is in the socket. */
  send(packet: Buffer): Promise<void>;
  /** Ends as if killed. */
  end(): Promise<void>;
}

const SOURCE = `
import base64, socket, sys
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.connect(sys.argv[1])
connection.send(b"\\x08\\x01")
print(connection.recv(100).hex(), flush=True)
for line in sys.stdin:
    try:
        connection.send(base64.b64decode(line))
        print("sent", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
`;

/** Rejects when the handshake is not answered as gVisor wants it. */
export const startSentry = async (configFile: string): Promise<Sentry> => {
  const config = JSON.parse(readFileSync(configFile, "utf8"));
  const endpoint: string = config.trace_session.sinks[0].config.endpoint;
  const child = spawn("/usr/bin/python3", ["-I", "-S", "-c", SOURCE, endpoint], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const gone = once(child, "exit").then(() => {
    throw new Error("the sentry was not let in");
  });
  const [answer] = await Promise.race([once(child.stdout, "data"), gone]);
  gone.catch(() => {});
  if (String(answer) !== "0801\n") throw new Error(`handshake answered with ${answer}`);
  return {
    async send(packet) {
      child.stdin.write(`${packet.toString("base64")}\n`);
      await once(child.stdout, "data");
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
};
