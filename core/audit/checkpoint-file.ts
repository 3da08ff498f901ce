import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { isSigned, parseCheckpoint, type SignedCheckpoint } from "./checkpoint.ts";
import type { VerifyingKey } from "./signing-key.ts";

const NEWLINE = 0x0a;

/** Appends whole lines and resolves once they are on disk. The file is made readable to its owner only. */
export const appendCheckpoints = async (
  path: string,
  checkpoints: readonly SignedCheckpoint[],
): Promise<void> => {
  const file = await open(path, "a+", 0o600);
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    // A line that a power loss tore spoils itself, not the next one.
    const isTorn = size > 0 && last[0] !== NEWLINE;
    const lines = checkpoints.map((checkpoint) => `${JSON.stringify(checkpoint)}\n`);
    await file.appendFile((isTorn ? "\n" : "") + lines.join(""));
    await file.sync();
  } finally {
    await file.close();
  }
};

/** What a file of checkpoints vouches for, by tenant. */
export interface ReadCheckpoints {
  /** In the order of their numbers. */
  readonly of: ReadonlyMap<string, readonly SignedCheckpoint[]>;
  /** One sentence for each line that vouches for nothing. */
  readonly problems: readonly string[];
}

/**
 * Reads a file of checkpoints line by line; lines that none of the keys signed are problems.
 * @param tenant only this one's
 */
export const readCheckpoints = async (
  path: string,
  keys: readonly VerifyingKey[],
  tenant?: string,
): Promise<ReadCheckpoints> => {
  const of = new Map<string, SignedCheckpoint[]>();
  const problems: string[] = [];
  let number = 0;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: 1 })) {
    number++;
    if (line === "") continue;
    const checkpoint = parseCheckpoint(line);
    if (!checkpoint) {
      problems.push(`line ${number} is no checkpoint: it was changed, or torn by a power loss`);
      continue;
    }
    if (tenant !== undefined && checkpoint.tenant !== tenant) continue;
    const own = keys.filter(({ id }) => id === checkpoint.key);
    if (!isSigned(checkpoint, own)) {
      const known = keys.map(({ id }) => id).join(", ");
      problems.push(
        own.length > 0
          ? `line ${number} was changed: its signature does not fit`
          : `line ${number} is signed by key ${checkpoint.key}, which is not given (there is ${known || "none"})`,
      );
      continue;
    }
    const others = of.get(checkpoint.tenant);
    if (others) others.push(checkpoint);
    else of.set(checkpoint.tenant, [checkpoint]);
  }
  for (const checkpoints of of.values()) checkpoints.sort((a, b) => a.seq - b.seq);
  return { of, problems };
};
