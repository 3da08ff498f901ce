import type { Command } from "commander";
import { type LoadedSettings, loadSettings } from "../config/load.ts";
import { type Finding, ok } from "./finding.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";

interface DoctorOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Adds `doctor`. */
export const registerDoctor = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  program
    .command("doctor")
    .description(
      "check settings, listener, store, keys, Redis, sandbox and platforms, and say what to do",
    )
    .option("--settings <file>", "settings file")
    .option("--json", "machine-readable")
    .action(async (_options: DoctorOptions, command: Command) =>
      exit(await doctor(io, command.optsWithGlobals<DoctorOptions>())),
    );
};

/** Runs every check. 0 nothing is bad, 1 something is; invalid settings throw SettingsError. */
const doctor = async (io: Io, options: DoctorOptions): Promise<number> => {
  const loaded = loadSettings({ path: options.settings, env: io.env, cwd: io.cwd });
  const { examine } = await import("./doctor-checks.ts");
  const findings = [settingsFinding(loaded), ...(await examine(loaded))];
  const isWell = findings.every(({ state }) => state !== "bad");
  io.stdout.write(
    options.json
      ? `${JSON.stringify({ ok: isWell, checks: findings })}\n`
      : findings.map((finding) => `${lines(finding)}\n`).join(""),
  );
  return isWell ? 0 : 1;
};

const lines = ({ check, state, text, remedy }: Finding): string => {
  const found = remedy ? `${text}\n-> ${remedy}` : text;
  return `${state.padEnd(8)}${check.padEnd(12)}${found.replaceAll("\n", `\n${" ".repeat(20)}`)}`;
};

const settingsFinding = (loaded: LoadedSettings): Finding => {
  const { source, isDemo, warnings, notEnforced } = loaded;
  const remarks = [
    ...(isDemo ? ["there is no settings.json here, and CLAWGATE_SETTINGS is not set"] : []),
    ...warnings,
    ...(notEnforced.length > 0 ? [`without effect yet: ${notEnforced.join(", ")}`] : []),
  ];
  return ok("settings", [source, ...remarks].join("\n"));
};
