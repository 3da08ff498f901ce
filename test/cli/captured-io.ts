import { Writable } from "node:stream";
import type { Io } from "../../cli/io.ts";

/** An Io whose output can be read back. */
export const createIo = (cwd: string, env: Io["env"] = {}) => {
  const [stdout, stderr] = [capture(), capture()];
  const io: Io = { stdout: stdout.stream, stderr: stderr.stream, env, cwd };
  return { io, out: stdout.text, err: stderr.text };
};

const capture = () => {
  const chunks: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => chunks.join("") };
};
