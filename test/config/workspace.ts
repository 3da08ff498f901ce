import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach } from "vitest";
import { type LoadedSettings, type LoadOptions, loadSettings } from "../../config/load.ts";
import { type Problem, SettingsError } from "../../config/problem.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder of its own with these files in it, by relative path; removed after the test. */
export const createWorkspace = (files: Readonly<Record<string, string>> = {}): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "clawgate-config-")));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    // Secrets are the owner's alone, and skills are for whoever runs them.
    const mode = path.endsWith("/SKILL.md") ? 0o644 : 0o600;
    writeFileSync(join(folder, path), content, { mode });
  }
  return folder;
};

/** Loads `settings` (text, or what becomes JSON) from a file of its own. */
export const load = (
  settings: unknown,
  env: NonNullable<LoadOptions["env"]> = {},
  files: Readonly<Record<string, string>> = {},
): LoadedSettings => {
  const text = typeof settings === "string" ? settings : JSON.stringify(settings);
  const cwd = createWorkspace({ ...files, "settings.json": text });
  return loadSettings({ env, cwd });
};

/** What is wrong with `settings`; empty when they load. */
export const problemsOf = (...args: Parameters<typeof load>): readonly Problem[] => {
  try {
    load(...args);
    return [];
  } catch (cause) {
    if (cause instanceof SettingsError) return cause.problems;
    throw cause;
  }
};
