import { lstatSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve as resolvePath } from "node:path";
import { crossCheck } from "./cross-check.ts";
import { demoSettings } from "./demo.ts";
import { demoSecrets } from "./demo-secrets.ts";
import type { Environment } from "./interpolate.ts";
import { parseJsonc } from "./jsonc.ts";
import { keyFileOf, warnAboutKeyFile } from "./key-file.ts";
import { notEnforced } from "./not-enforced.ts";
import { warnAboutPrices } from "./price-warnings.ts";
import { formatPath, type Problem, SettingsError, type SettingsPath } from "./problem.ts";
import {
  completeProviders,
  modelRefs,
  type ResolvedProvider,
  resolveProvider,
} from "./providers.ts";
import type { Report } from "./report.ts";
import { resolveValues } from "./resolve.ts";
import { type Settings, settingsSchema } from "./schema.ts";
import { mapLeaves, unwrap } from "./schema-walk.ts";
import { validate } from "./validate.ts";

/** Settings that may be used, and what is to be said about them. */
export interface LoadedSettings {
  /** Frozen; paths of this machine are absolute, providers complete with their keys. */
  readonly settings: Settings;
  /** Every provider that is declared or named, and the built-in ones, by name. */
  readonly providers: ReadonlyMap<string, ResolvedProvider>;
  /** The file, absolute, or `built-in demo`. */
  readonly source: string;
  readonly isDemo: boolean;
  /** The file with the master keys, absolute; it need not be there yet. */
  readonly keyFile: string;
  /** One sentence each, beginning with a path. */
  readonly warnings: readonly string[];
  /** Paths of what is written but has no effect in this version. */
  readonly notEnforced: readonly string[];
}

export interface LoadOptions {
  /** From `--settings`; absent = `CLAWGATE_SETTINGS`, else `./settings.json`, else the demo. */
  readonly path?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** False: look at the demo without making its secrets, as `config check` does. */
  readonly mayCreate?: boolean;
}

/** The source of the demo settings. */
const DEMO_SOURCE = "built-in demo";

const MAX_BYTES = 1024 * 1024;

/** Finds, reads and checks the settings. Throws SettingsError with everything that is wrong. */
export const loadSettings = ({ path, env, cwd, mayCreate = true }: LoadOptions): LoadedSettings => {
  const file = chooseFile(path, env, cwd);
  if (file !== undefined) return fromText(readSettingsFile(file), { source: file, env });
  const { secrets, warnings } = demoSecrets(resolvePath(cwd, "data"), mayCreate);
  const text = JSON.stringify(demoSettings(secrets));
  const loaded = check(JSON.parse(text), { source: DEMO_SOURCE, env, baseDir: cwd });
  return { ...loaded, isDemo: true, warnings: [...warnings, ...loaded.warnings] };
};

const chooseFile = (
  path: string | undefined,
  env: Environment,
  cwd: string,
): string | undefined => {
  const named = path ?? (env.CLAWGATE_SETTINGS || undefined);
  if (named !== undefined) return resolvePath(cwd, named);
  const usual = resolvePath(cwd, "settings.json");
  // A link that leads nowhere (a volume that is not mounted yet) is no reason to run the demo.
  return lstatSync(usual, { throwIfNoEntry: false }) ? usual : undefined;
};

const readSettingsFile = (file: string): string => {
  const refuse = (found: string, expected: string) =>
    new SettingsError(file, [{ path: "settings", found, expected }]);
  try {
    const stat = statSync(file);
    if (!stat.isFile()) throw refuse("something that is not a file", "a settings file");
    if (stat.size > MAX_BYTES) throw refuse(`${stat.size} bytes`, `at most ${MAX_BYTES} bytes`);
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    if (cause instanceof SettingsError) throw cause;
    if (cause instanceof TypeError) throw refuse("bytes that are not UTF-8", "UTF-8 text");
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
    if (code === "ENOENT") {
      const expected = "a readable settings file; `clawgate init` writes one";
      throw refuse("no such file, or a link to none", expected);
    }
    throw refuse(`a file that cannot be read (${code})`, "a settings file that this user may read");
  }
};

const fromText = (
  text: string,
  { source, env }: { readonly source: string; readonly env: Environment },
): LoadedSettings => {
  const document = parseJsonc(text);
  if (document.value === undefined) throw new SettingsError(source, document.problems);
  const { value, problems, lineOf } = document;
  return check(value, { source, env, baseDir: dirname(source), problems, lineOf });
};

interface CheckOptions {
  readonly source: string;
  readonly env: Environment;
  readonly baseDir: string;
  readonly problems?: readonly Problem[];
  readonly lineOf?: (path: SettingsPath) => number;
}

const check = (raw: unknown, options: CheckOptions): LoadedSettings => {
  const { source, env, baseDir, lineOf } = options;
  const problems = new Map((options.problems ?? []).map((problem) => [problem.path, problem]));
  const warnings: string[] = [];
  const report: Report = {
    problem: (path, found, expected) => {
      const at = formatPath(path);
      // The first word on a place is the cause; what follows from it only adds noise.
      if (problems.has(at)) return;
      problems.set(at, { path: at, found, expected, ...(lineOf && { line: lineOf(path) }) });
    },
    warn: (path, text) => warnings.push(`${formatPath(path)}: ${text}`),
  };
  const resolved = resolveValues(raw, { schema: settingsSchema, env, baseDir, report });
  const { settings: parsed, draft } = validate(resolved, report);
  crossCheck(draft, report);
  if (problems.size > 0 || !parsed) {
    const byLine = [...problems.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    throw new SettingsError(source, byLine);
  }
  const settings = freeze(complete(parsed, env, baseDir));
  const providers = providersOf(settings);
  warnAboutProviders(settings, providers, report);
  warnAboutPrices(settings, new Date(), report);
  const keyFile = keyFileOf(settings, baseDir);
  warnAboutKeyFile(settings, keyFile, report);
  return {
    settings,
    providers,
    source,
    isDemo: false,
    keyFile,
    warnings,
    notEnforced: notEnforced(resolved.value),
  };
};

const complete = (parsed: Settings, env: Environment, baseDir: string): Settings => {
  const absolute = mapLeaves(parsed, settingsSchema, (leaf, schema) =>
    typeof leaf === "string" && schema && unwrap(schema).marks.isPath
      ? absolutePath(leaf, baseDir)
      : leaf,
  ) as Settings;
  const providers = completeProviders(absolute, env);
  return { ...absolute, models: { ...absolute.models, providers } };
};

const absolutePath = (value: string, baseDir: string): string => {
  if (value.startsWith("file:")) return `file:${resolvePath(baseDir, value.slice("file:".length))}`;
  return /^[a-z]+:\/\//.test(value) ? value : resolvePath(baseDir, value);
};

const providersOf = (settings: Settings): ReadonlyMap<string, ResolvedProvider> => {
  const names = [...Object.keys(settings.models.providers), "rules", "echo"];
  return new Map(
    names.flatMap((name) => {
      const provider = resolveProvider(settings, name);
      return provider ? [[name, provider] as const] : [];
    }),
  );
};

const warnAboutProviders = (
  settings: Settings,
  providers: ReadonlyMap<string, ResolvedProvider>,
  report: Report,
): void => {
  const seen = new Set<string>();
  for (const { path, provider: name } of modelRefs(settings)) {
    if (seen.has(name)) continue;
    seen.add(name);
    const provider = providers.get(name);
    if (provider?.needsKey && !provider.apiKey) {
      report.warn(path, `${name} has no API key: asking it is refused (MODEL_UNAVAILABLE)`);
    }
  }
};

const freeze = <T>(value: T): T => {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    for (const child of Object.values(value)) freeze(child);
    Object.freeze(value);
  }
  return value;
};
