import type { SlotSpec } from "../driver.ts";
import { JOB_FOLDER, LAUNCHERS } from "./launchers.ts";

/** The command line that a sandbox boots with: starts the way out, if any, and then the launcher. */
export const launcherCommand = (
  { language, wayOut }: Pick<SlotSpec, "language" | "wayOut">,
  nodePath: string,
): readonly string[] => {
  const { interpreter, name } = LAUNCHERS[language];
  const launcher = [
    ...(interpreter === "node" ? [nodePath] : interpreter),
    `${JOB_FOLDER}/${name}`,
  ];
  return wayOut === undefined ? launcher : [...wayOut.forwarder, ...launcher];
};

/** A word that every POSIX shell takes as it is. */
export const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
