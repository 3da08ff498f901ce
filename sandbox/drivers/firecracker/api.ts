import { request } from "node:http";
import { SandboxError } from "../../errors.ts";

/** Firecracker's control socket. @see https://github.com/firecracker-microvm/firecracker/blob/main/src/firecracker/swagger/firecracker.yaml */
export interface FirecrackerApi {
  /** Throws SandboxError, with Firecracker's own words, for any answer but 204. */
  put(path: string, body: object): Promise<void>;
}

const ANSWER_MS = 5_000;
const MOST_BYTES = 64 * 1024;

export const createApi = (socketPath: string): FirecrackerApi => ({
  async put(path, body) {
    const { status, text } = await call(socketPath, path, JSON.stringify(body));
    if (status === 204) return;
    throw new SandboxError(`firecracker PUT ${path} failed: ${status} ${faultIn(text)}`);
  },
});

const call = (
  socketPath: string,
  path: string,
  body: string,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(new SandboxError(`firecracker PUT ${path} failed: ${cause.message}`, { cause }));
    const outgoing = request(
      {
        socketPath,
        path,
        method: "PUT",
        headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(ANSWER_MS),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text = (text + chunk).slice(0, MOST_BYTES);
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", fail);
      },
    );
    outgoing.on("error", fail);
    outgoing.end(body);
  });

// {"fault_message": string}
const faultIn = (text: string): string => {
  try {
    const answer: unknown = JSON.parse(text);
    const fault =
      typeof answer === "object" && answer !== null && "fault_message" in answer
        ? answer.fault_message
        : undefined;
    return String(fault ?? "without a reason").slice(0, 300);
  } catch {
    return "without a reason";
  }
};
