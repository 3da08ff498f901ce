import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import type { SandboxDriver, Slot, SlotSpec } from "./driver.ts";
import type { Egress, EgressLink } from "./egress/egress.ts";

/** A sandbox with its own way out: opened for one run, closed after it. */
export interface Cell {
  readonly slot: Slot;
  readonly link?: EgressLink;
}

/** What a cell is opened for. Two specs with the same key can stand in for each other. */
export interface CellSpec extends Omit<SlotSpec, "wayOut"> {
  readonly hasNetwork: boolean;
  /** The proxy ends TLS for it, so that it can place credentials. Default false. */
  readonly endsTls?: boolean;
}

/**
 * All that a cell is made of, the tenant first of all: a cell never serves another key. A folder is
 * known by its inode, so that one which was replaced under its name counts as another.
 */
export const cellKey = (spec: CellSpec): string =>
  JSON.stringify([
    spec.tenantId,
    spec.language,
    spec.hasNetwork,
    spec.endsTls === true,
    Object.entries(spec.limits).sort(([left], [right]) => (left < right ? -1 : 1)),
    [...spec.readonly].map(([path, folder]) => {
      const { dev, ino } = statSync(folder);
      return [path, folder, dev, ino];
    }),
  ]);

/** Boots a cell. Leaves nothing behind when it fails. */
export const openCell = async (
  driver: Pick<SandboxDriver, "prepare">,
  egress: Pick<Egress, "open"> | undefined,
  { hasNetwork, endsTls = false, ...spec }: CellSpec,
): Promise<Cell> => {
  if (!hasNetwork || egress === undefined) return { slot: await driver.prepare(spec) };
  const link = await egress.open(randomBytes(8).toString("hex"), spec.tenantId, endsTls);
  try {
    return { slot: await driver.prepare({ ...spec, wayOut: link.wayOut }), link };
  } catch (error) {
    await link.close();
    throw error;
  }
};

/** Idempotent: nothing of the cell is left afterwards. */
export const closeCell = async (
  driver: Pick<SandboxDriver, "destroy">,
  { slot, link }: Cell,
): Promise<void> => {
  try {
    await driver.destroy(slot);
  } finally {
    await link?.close();
  }
};
