import type { Settings } from "../config/schema.ts";
import { StartError } from "./errors.ts";

/** What a process does: a gateway takes messages in, a worker answers them. */
export interface Roles {
  readonly isGateway: boolean;
  readonly isWorker: boolean;
}

/** Reads `--role gateway,worker`. Throws StartError for other words, or what these settings cannot serve. */
export const parseRoles = (text: string, { storage, queue }: Settings): Roles => {
  const words = text.split(",").map((word) => word.trim());
  const unknown = words.find((word) => word !== "gateway" && word !== "worker");
  if (unknown !== undefined) {
    throw new StartError(`--role ${unknown} is not known: gateway, worker or gateway,worker`);
  }
  const roles = { isGateway: words.includes("gateway"), isWorker: words.includes("worker") };
  const isSplit = !(roles.isGateway && roles.isWorker);
  if (isSplit && (storage.url.startsWith("file:") || queue.redis_url === undefined)) {
    throw new StartError(
      `--role ${text} needs others beside this process: set storage.url to a postgres:// URL and ` +
        "queue.redis_url to a redis:// URL, which all of them share",
    );
  }
  return roles;
};
