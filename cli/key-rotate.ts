import { type Command, Option } from "commander";
import { loadSettings } from "../config/load.ts";
import type { Rotation, RotationStep } from "../core/keys/rotate.ts";
import type { Exit, Io } from "./io.ts";
import { storeBesideGateway } from "./storage.ts";

interface RotateOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  /** Absent = both, one after the other. */
  readonly step?: RotationStep | undefined;
}

const STEPS: readonly RotationStep[] = ["add", "rewrap"];

/** Adds `key rotate`. */
export const registerKeyRotate = (key: Command, io: Io, exit: Exit): void => {
  key
    .command("rotate")
    .description("make a new master key and wrap all data keys with it, beside running gateways")
    .option("--settings <file>", "settings file")
    .option("--json", "machine-readable")
    .addOption(
      new Option(
        "--step <step>",
        "only put a new key into the key file (add), or only wrap with the one in it (rewrap)",
      ).choices(STEPS),
    )
    .action(async (_options, command: Command) =>
      exit(await keyRotate(io, command.optsWithGlobals<RotateOptions>())),
    );
};

/** Rotates the master key. 0 done, 1 data keys are left that do not unwrap. Throws KeyError, StoreError. */
const keyRotate = async (io: Io, options: RotateOptions): Promise<number> => {
  const { settings, keyFile } = loadSettings({
    path: options.settings,
    env: io.env,
    cwd: io.cwd,
  });
  // Only verbs that use the store load the databases' drivers.
  const [{ openStore }, { createAuditLog }, { createKeyFile }, { rotateMasterKey }] =
    await Promise.all([
      import("../core/store/open-store.ts"),
      import("../core/audit-log.ts"),
      import("../core/keys/key-file.ts"),
      import("../core/keys/rotate.ts"),
    ]);
  const store = await openStore(storeBesideGateway(settings));
  try {
    const now = () => new Date();
    const keys = createKeyFile(keyFile, now);
    const parts = { store, keys, auditLog: createAuditLog(store), now };
    const { masterId, rewrapped, failures } = await rotateMasterKey(parts, options.step);
    const ok = failures.length === 0;
    io.stdout.write(
      options.json
        ? `${JSON.stringify({ ok, key_file: keyFile, master_id: masterId, rewrapped, failures })}\n`
        : lines({ masterId, rewrapped, failures }, keys.description, options.step),
    );
    return ok ? 0 : 1;
  } finally {
    await store.close();
  }
};

const lines = (
  { masterId, rewrapped, failures }: Rotation,
  place: string,
  step: RotationStep | undefined,
): string => {
  const said = [
    step === "rewrap"
      ? `master key ${masterId} of ${place} is the current one`
      : `master key ${masterId} added to ${place}; the older ones stay in it: they open backups`,
    step === "add"
      ? "next: put this file on every host of the gateway, then `clawgate key rotate --step rewrap`"
      : `${rewrapped} data keys re-wrapped`,
    ...failures.map((failure) => `NOT re-wrapped: ${failure}`),
  ];
  return said.map((line) => `${line}\n`).join("");
};
