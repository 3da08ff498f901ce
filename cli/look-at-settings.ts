import { type LoadedSettings, loadSettings } from "../config/load.ts";
import type { Io } from "./io.ts";

/**
 * The settings of `--settings`, or those that are found, for a verb that only looks: the secrets of
 * the demo are not made. Throws SettingsError.
 */
export const lookAtSettings = (io: Io, path: string | undefined): LoadedSettings =>
  loadSettings({ path, env: io.env, cwd: io.cwd, mayCreate: false });
