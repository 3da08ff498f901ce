import { chmodSync } from "node:fs";
import type { HostPort, RunRequest } from "./driver.ts";
import type { Egress } from "./egress/egress.ts";
import { createEgress } from "./egress/proxy.ts";
import { egressWithin } from "./grants.ts";
import type { OpenshellSettings } from "./policy.ts";
import { loadPolicyFile } from "./policy-file/load.ts";
import type { Workshop } from "./workshop.ts";

/** The egress proxy, and what of it a run may use. */
export interface OpenEgress {
  readonly egress: Egress;
  /** What a run asks for, less what `policy_file` leaves closed. */
  onlyFor(asked: RunRequest["egress"]): "settings" | readonly HostPort[];
}

/**
 * Opens the way out that the settings describe; undefined when there is none. Throws when a file that
 * they name cannot be used: the network is never wider than what it would have said.
 */
export const openEgress = (
  { network, hosts, egress_ca_file, policy_file }: OpenshellSettings,
  workshop: Pick<Workshop, "createFolder">,
): OpenEgress | undefined => {
  if (network.mode === "off") return undefined;
  const policy = policy_file === undefined ? undefined : loadPolicyFile(policy_file);
  const folder = workshop.createFolder("out", process.getuid?.() ?? 0);
  chmodSync(folder, 0o711); // each link has a folder of its own in it, for its job's user to reach
  return {
    egress: createEgress({
      network,
      hosts,
      egress_ca_file,
      folder,
      ...(policy && { rules: () => policy.rules }),
    }),
    onlyFor: (asked) => egressWithin(asked, policy?.open),
  };
};
