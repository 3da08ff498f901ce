import { setFlagsFromString } from "node:v8";
import type { Command } from "commander";
import { type LoadedSettings, loadSettings } from "../config/load.ts";
import type { Gateway } from "./gateway.ts";
import { type Exit, type Io, setExitCode } from "./io.ts";
import { version } from "./package-root.ts";
import { createReload } from "./reload.ts";
import { parseRoles } from "./roles.ts";
import { sandboxWords } from "./sandbox-words.ts";
import { shellQuote } from "./shell-quote.ts";
import { watchSettings } from "./watch-settings.ts";

const NOTES_SHOWN = 2;

/** Adds `start`. */
export const registerStart = (program: Command, io: Io, exit: Exit = setExitCode): void => {
  program
    .command("start")
    .description("serve until SIGTERM or SIGINT, then finish what runs and stop")
    .option("--settings <file>", "settings file")
    .option(
      "--role <roles>",
      "gateway (takes messages in), worker (answers them)",
      "gateway,worker",
    )
    .action(async (_options, command: Command) =>
      exit(await start(io, command.optsWithGlobals<StartOptions>())),
    );
};

interface StartOptions {
  readonly settings?: string;
  readonly role: string;
}

/** Serves until a signal comes, then drains. Throws what keeps the gateway from starting. */
const start = async (io: Io, options: StartOptions): Promise<number> => {
  const signal = stopSignal();
  // V8 makes objects in old memory where those before them lived long. Under load a message lives as long as
  // that takes, and one object of it there keeps all others: of each some 5 KB, until all is collected.
  setFlagsFromString("--no-allocation-site-pretenuring");
  const load = (path: string | undefined) => loadSettings({ path, env: io.env, cwd: io.cwd });
  const loaded = load(options.settings);
  // What changes during the start is not missed, and SIGHUP does not end it.
  let isChanged = false;
  const noteChange = (): void => {
    isChanged = true;
  };
  let onChange = noteChange;
  if (!loaded.isDemo) process.on("SIGHUP", noteChange);
  const roles = parseRoles(options.role, loaded.settings);
  // Only this verb needs the whole gateway; the others stay quick.
  const [{ openLog }, { startGateway }] = await Promise.all([
    import("./open-log.ts"),
    import("./gateway.ts"),
  ]);
  // On stderr; what a person reads goes to stdout.
  const { log, flush } = openLog(process.stderr.fd);
  const stopWatching = loaded.isDemo
    ? () => {}
    : watchSettings(loaded.source, () => onChange(), log);
  try {
    const gateway = await startGateway(loaded, log, roles);
    onChange = createReload({ current: loaded, load, apply: gateway.apply, log });
    if (isChanged) onChange();
    io.stdout.write(`${banner(loaded, gateway)}\n`);
    // Listening comes first; which isolation is in force is known when the self-test is over.
    void closing(loaded, gateway).then((text) => io.stdout.write(`${text}\n`));
    await signal;
    stopWatching();
    await gateway.close();
  } finally {
    stopWatching();
  }
  await flush();
  return 0;
};

/**
 * Resolves at the first SIGTERM or SIGINT. Later ones do nothing: `npm start` hands on the Ctrl-C that
 * the terminal has sent to every process already, and it must not cut short the drain of 20 s.
 */
const stopSignal = (): Promise<void> =>
  new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"]) process.on(name, () => resolve());
  });

const banner = ({ settings, source }: LoadedSettings, { url, channels, skills }: Gateway) => {
  const tenants = settings.multi_tenant.tenants.map(({ id }) => id).join(", ");
  const on = channels.join(", ") || "no channel (switch one on under `channels`)";
  return [
    `clawgate ${version()} listens on ${url} (settings: ${source})`,
    `  serves    ${on} for ${tenants || "no tenant: nobody will be let in"}`,
    `  skills    ${skills.join(", ") || "none"}`,
  ].join("\n");
};

/** `simulate` plays a platform that the settings have moved to this machine, as the demo's. */
const nextStep = ({ isDemo, source }: LoadedSettings, { channels }: Gateway): string => {
  if (isDemo) return 'npx clawgate simulate wecom "what is 12% of 340"';
  if (channels.length > 0) return `npx clawgate doctor --settings ${shellQuote(source)}`;
  return "npx clawgate init writes settings for a WeCom app";
};

const closing = async (loaded: LoadedSettings, gateway: Gateway): Promise<string> => {
  const status = await gateway.sandbox.status();
  const notes = [...loaded.warnings, ...gateway.warnings];
  const more = notes.length - NOTES_SHOWN;
  return [
    `  sandbox   ${sandboxWords(status, loaded.settings.openshell).join(`\n${" ".repeat(12)}`)}`,
    ...(loaded.notEnforced.length > 0
      ? [`  note      without effect in this version: ${loaded.notEnforced.join(", ")}`]
      : []),
    ...notes.slice(0, NOTES_SHOWN).map((note) => `  note      ${note}`),
    ...(more > 0 ? [`  note      ${more} more: npx clawgate doctor`] : []),
    `  next      ${nextStep(loaded, gateway)}`,
  ].join("\n");
};
