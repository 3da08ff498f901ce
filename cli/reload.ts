import type { LoadedSettings } from "../config/load.ts";
import { formatProblem, SettingsError } from "../config/problem.ts";
import type { Settings } from "../config/schema.ts";
import type { Log } from "../core/contract/log.ts";

// What a running gateway was built from; a change there takes effect at the next start.
const FIXED: readonly (keyof Settings)[] = ["server", "storage", "queue", "channels"];

/** Blocks that differ and that a running gateway cannot take over. */
const needsRestart = (before: Settings, after: Settings): readonly string[] => [
  ...FIXED.filter((block) => differ(before[block], after[block])),
  ...(differ(inTransitOf(before), inTransitOf(after)) ? ["enterprise"] : []),
  ...(differ(endpointOf(before), endpointOf(after)) ? ["monitoring"] : []),
];

const inTransitOf = ({ enterprise }: Settings) => enterprise.encryption?.in_transit ?? null;

const endpointOf = ({ monitoring }: Settings) => monitoring.metrics.endpoint;

const differ = (before: unknown, after: unknown): boolean =>
  JSON.stringify(before) !== JSON.stringify(after);

export interface Reloader {
  readonly current: LoadedSettings;
  /** Loads the file that is given, absolute. */
  readonly load: (source: string) => LoadedSettings;
  readonly apply: (loaded: LoadedSettings) => Promise<void>;
  readonly log: Log;
}

/**
 * Returns what to call when the settings may have changed: takes good ones over and keeps the last
 * good ones otherwise. Calls that come while one is at work are done after it, once.
 */
export const createReload = ({ current, load, apply, log }: Reloader): (() => Promise<void>) => {
  let last = current;
  let running: Promise<void> | undefined;
  let isAskedAgain = false;

  const reload = async (): Promise<void> => {
    try {
      // Always the file of the start: were it chosen again, a file that is gone would mean the demo.
      const next = load(current.source);
      await apply(next);
      const atRestart = needsRestart(last.settings, next.settings);
      last = next;
      log.info({ warnings: next.warnings, atRestart }, "settings reloaded");
    } catch (cause) {
      const problems =
        cause instanceof SettingsError ? cause.problems.map(formatProblem) : undefined;
      log.error(
        { alert: "settings_refused", ...(problems ? { problems } : { err: cause }) },
        "settings not taken over; the last good ones stay",
      );
    }
  };

  return () => {
    if (running) {
      isAskedAgain = true;
      return running;
    }
    running = (async () => {
      do {
        isAskedAgain = false;
        await reload();
      } while (isAskedAgain);
    })().finally(() => {
      running = undefined;
    });
    return running;
  };
};
