import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import type { EngineName, Probe } from "./driver.ts";

export type PassedProbe = Probe & { readonly ok: true };

/** What engines proved to other processes of ours, so that each short one need not try them again. */
export interface Proofs {
  find(engine: EngineName): PassedProbe | undefined;
  keep(engine: EngineName, probe: PassedProbe): void;
  forget(engine: EngineName): void;
}

export interface ProofOptions {
  /** Holds the folder `proofs`, which is made for us alone. */
  readonly stateFolder: string;
  /** Whatever else a proof depends on, e.g. the settings. */
  readonly context: object;
  /** Programs whose change makes another engine of it; those of an engine elsewhere cannot be seen. */
  programsOf(engine: EngineName): readonly string[];
  /** Seconds since the machine started. */
  readonly now?: () => number;
}

const VALID_SECONDS = 600;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/**
 * Keeps proofs in files that only we can write. One counts for some minutes, under the same boot of
 * the machine, for the same user, programs and context; in doubt there is none.
 */
export const createProofs = (options: ProofOptions): Proofs => {
  const { stateFolder, context, programsOf, now = uptime } = options;
  const folder = join(stateFolder, "proofs");
  const fileOf = (engine: EngineName) => join(folder, `${engine}.json`);
  const keyOf = (engine: EngineName): string =>
    createHash("sha256")
      .update(
        JSON.stringify([
          readFileSync(BOOT_ID, "utf8"),
          process.getuid?.(),
          process.version,
          programsOf(engine).map(identityOf),
          context,
        ]),
      )
      .digest("hex");

  return {
    find(engine) {
      const programs = programsOf(engine);
      if (programs.length === 0) return undefined;
      try {
        if (!isOurs(lstatSync(folder))) return undefined;
        const proof: unknown = JSON.parse(readOurs(fileOf(engine)));
        if (!isProof(proof) || proof.key !== keyOf(engine)) return undefined;
        const ageSeconds = now() - proof.at;
        return ageSeconds >= 0 && ageSeconds < VALID_SECONDS ? proof.probe : undefined;
      } catch {
        return undefined;
      }
    },
    keep(engine, probe) {
      if (programsOf(engine).length === 0) return;
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        if (!isOurs(lstatSync(folder))) return;
        const draft = join(folder, `${engine}.${process.pid}`);
        writeFileSync(draft, JSON.stringify({ key: keyOf(engine), at: now(), probe }), {
          mode: 0o600,
        });
        renameSync(draft, fileOf(engine)); // several processes may write at once
      } catch {
        // Without a proof the next process tries for itself.
      }
    },
    forget: (engine) => rmSync(fileOf(engine), { force: true }),
  };
};

const isOurs = ({ uid, mode }: { uid: number; mode: number }): boolean =>
  uid === process.getuid?.() && (mode & 0o077) === 0;

const readOurs = (file: string): string => {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return isOurs(fstatSync(descriptor)) ? readFileSync(descriptor, "utf8") : "";
  } finally {
    closeSync(descriptor);
  }
};

/** Changes whenever the program may have. */
const identityOf = (program: string): readonly (string | number)[] => {
  const stat = statSync(program, { throwIfNoEntry: false });
  return stat === undefined
    ? [program]
    : [program, stat.dev, stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs];
};

const isProof = (value: unknown): value is { key: string; at: number; probe: PassedProbe } =>
  typeof value === "object" &&
  value !== null &&
  "key" in value &&
  "at" in value &&
  "probe" in value;
