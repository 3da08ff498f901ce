import type { Region } from "../config/presets.ts";
import type { Settings } from "../config/schema.ts";
import type { RunRequest } from "../sandbox/driver.ts";
import { foldPattern } from "../sandbox/egress/host-name.ts";
import { egressOf } from "../sandbox/grants.ts";

/**
 * What a skill's run may reach of the `host:port` it asks for: what the settings open, less what
 * lies where the turn's data may not go.
 */
export type SkillEgress = (
  asked: readonly string[],
  regions: ReadonlySet<Region>,
) => RunRequest["egress"];

/** The same by these settings. A host of which they do not say where it is may be anywhere. */
export const createSkillEgress = ({
  network,
  hosts = {},
}: Pick<Settings["openshell"], "network" | "hosts">): SkillEgress => {
  const declared = new Map(
    Object.entries(hosts).map(([name, { region, internal = false }]) => [
      foldPattern(name),
      region ?? (internal ? "on-prem" : "overseas"),
    ]),
  );
  const regionOf = (host: string): Region => declared.get(foldPattern(host)) ?? "overseas";
  return (asked, regions) => {
    const open = egressOf(asked, network);
    if (typeof open === "string") return open;
    const near = open.filter(({ host }) => regions.has(regionOf(host)));
    return near.length === 0 ? "none" : near;
  };
};
