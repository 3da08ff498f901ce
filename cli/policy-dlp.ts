import type { Direction } from "../config/detectors.ts";
import { createDlp, type Dlp } from "../core/safety/dlp/dlp.ts";
import { choiceFor } from "../core/safety/tenant-safety.ts";
import { StartError } from "./errors.ts";
import type { Io } from "./io.ts";
import { answerLines } from "./json-lines.ts";
import { lookAtSettings } from "./look-at-settings.ts";

/** Options of `policy dlp`. */
export interface DlpVerbOptions {
  readonly settings?: string | undefined;
  readonly tenant?: string | undefined;
  /** Absent = `in`. */
  readonly direction?: Direction | undefined;
}

/**
 * Says of each line of input what data-loss prevention finds in it. 0 all lines were read, 2 misuse
 * or a line that could not be read; the others are answered nevertheless.
 */
export const inspectLines = async (
  io: Io,
  options: DlpVerbOptions,
  input: AsyncIterable<Buffer | string>,
): Promise<number> => {
  const dlp = createEngine(io, options);
  return answerLines(io, input, (text) => dlp.inspect(text));
};

const createEngine = (
  io: Io,
  { settings: path, tenant, direction = "in" }: DlpVerbOptions,
): Dlp => {
  if (path === undefined) {
    if (tenant === undefined) return createDlp();
    throw new StartError(
      "policy dlp: --tenant names a tenant of the settings; add --settings FILE",
    );
  }
  const { settings } = lookAtSettings(io, path);
  const ids = settings.multi_tenant.tenants.map(({ id }) => id);
  if (tenant !== undefined && !ids.includes(tenant)) {
    throw new StartError(
      `policy dlp: the settings have no tenant ${JSON.stringify(tenant)}; they have ${ids.join(", ") || "none"}`,
    );
  }
  const rules = settings.enterprise?.data_loss_prevention;
  if (rules?.enabled === false) {
    throw new StartError(
      "policy dlp: enterprise.data_loss_prevention.enabled is false in the settings: nothing is looked for",
    );
  }
  const own = settings.multi_tenant.tenants.find(({ id }) => id === tenant)?.dlp?.detectors;
  const detectors = choiceFor(direction, rules?.detectors, own);
  return createDlp({ rules: rules?.rules ?? [], detectors });
};
