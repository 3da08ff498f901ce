import { createAuditLog } from "../core/audit-log.ts";
import { NO_METRICS } from "../core/contract/metrics.ts";
import { createContentCipher } from "../core/keys/content-cipher.ts";
import { createKeyFile } from "../core/keys/key-file.ts";
import { createRecall, type RecalledPart } from "../core/operators/recall.ts";
import { boundWorkspaces, createAdapters } from "./adapters.ts";
import type { Io } from "./io.ts";
import { withStore } from "./operations.ts";
import type { QueueOptions } from "./queue-verbs.ts";
import { sayNo } from "./say-no.ts";

/** Takes an answer back. 0 nobody sees any of it any more, 1 some of it stands, and why. */
export const recall = (io: Io, options: QueueOptions, which: number | string): Promise<number> =>
  withStore(io, options, async ({ settings, keyFile, store, now }) => {
    const log = quietLog(io);
    const keys = createKeyFile(keyFile, now);
    const cipher = await createContentCipher({ store, keys, now, log });
    const auditLog = createAuditLog(store, cipher);
    // Not started: it opens nothing, and takes no connection from a running gateway.
    const adapters = await createAdapters(settings, {
      store,
      cipher,
      log,
      now,
      machineNow: () => new Date(),
      metrics: NO_METRICS,
      boundWorkspaces: (channel) => boundWorkspaces(settings, channel),
    });
    const operator = { who: "cli", tenantId: options.tenant };
    const signal = new AbortController().signal;
    const recalled = await createRecall({ store, cipher, adapters, auditLog, now })(
      operator,
      which,
      signal,
    );
    if (recalled.kind === "refused") {
      return sayNo(io, options, recalled.code, recalled.message);
    }
    const { id, parts } = recalled;
    const isGone = parts.every(({ kind }) => kind === "recalled");
    io.stdout.write(
      options.json
        ? `${JSON.stringify({ ok: isGone, id, parts })}\n`
        : [`message ${id}: ${summary(parts)}\n`, ...parts.map(line)].join(""),
    );
    return isGone ? 0 : 1;
  });

const summary = (parts: readonly RecalledPart[]): string => {
  const recalled = parts.filter(({ kind }) => kind === "recalled").length;
  return parts.length === 0
    ? "nothing of its answer had arrived, and nothing will"
    : `${recalled} of ${parts.length} parts of its answer taken back; nothing more goes out`;
};

const line = (part: RecalledPart): string =>
  part.kind === "recalled"
    ? ""
    : `  part ${part.part + 1} stands: ${part.reason}${part.kind === "failed" ? "; try again" : ""}\n`;

/** Only what somebody must know. */
const quietLog = (io: Io) => {
  const say = (_fields: object, text: string): void => void io.stderr.write(`${text}\n`);
  return { info: () => {}, warn: say, error: say };
};
