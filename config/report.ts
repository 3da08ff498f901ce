import type { SettingsPath } from "./problem.ts";

/** Where a check says what it found. */
export interface Report {
  problem(path: SettingsPath, found: string, expected: string): void;
  /** Something that loads but that someone should look at. */
  warn(path: SettingsPath, text: string): void;
}
