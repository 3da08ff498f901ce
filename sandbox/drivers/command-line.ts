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
  if (wayOut === undefined) return launcher;
  const forwarder = wayOut.forwarder.map(quoted).join(" ");
  const script = `${forwarder} </dev/null >/dev/null || exit 1; exec "$@"`;
  return ["/bin/sh", "-c", script, "sh", ...launcher];
};

const quoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
