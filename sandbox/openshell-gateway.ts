import { createHash } from "node:crypto";
import { homedir, hostname } from "node:os";
import type { OpenshellOptions } from "./drivers/openshell/driver.ts";
import { SandboxError } from "./errors.ts";
import { egressWithin } from "./grants.ts";
import type { SandboxOptions } from "./options.ts";
import type { OpenshellSettings } from "./policy.ts";
import { exportPolicy } from "./policy-file/export.ts";
import { loadPolicyFile } from "./policy-file/load.ts";
import { writePolicy } from "./policy-file/write.ts";

/**
 * The OpenShell gateway that the settings name. Throws SandboxError when they name none, and
 * PolicyFileError when `policy_file` cannot be used.
 */
export const openshellGatewayOf = (
  settings: OpenshellSettings & Pick<SandboxOptions, "openshellHome">,
  stateFolder: string,
): OpenshellOptions => {
  const { gateway, openshellHome = homedir() } = settings;
  if (gateway === undefined) {
    throw new SandboxError(
      'openshell.isolation is openshell, and no gateway is named: add openshell.gateway, e.g. {"image": "registry.example.com/clawgate-sandbox:1"}',
    );
  }
  const { name, image, program } = gateway;
  return {
    image,
    home: openshellHome,
    owner: ownerOf(stateFolder),
    policyYaml: policyWriter(settings),
    ...(name === undefined ? {} : { gateway: name }),
    ...(program === undefined ? {} : { program }),
  };
};

/** The same at each start here, another on every other machine. */
const ownerOf = (stateFolder: string): string =>
  createHash("sha256")
    .update(JSON.stringify([hostname(), stateFolder]))
    .digest("hex")
    .slice(0, 16);

// Where the image's links lead, and what it has itself: see docs/engines.md.
const WRITABLE = ["/sandbox", "/tmp"];

/** Says in OpenShell's words what a run with a given way out may do. */
const policyWriter = (settings: OpenshellSettings): OpenshellOptions["policyYaml"] => {
  const { filesystem, policy_file } = settings;
  const policy = policy_file === undefined ? undefined : loadPolicyFile(policy_file);
  const inImage = {
    ...settings,
    filesystem: { ...filesystem, allowed_paths: WRITABLE, readonly_paths: [] },
  };
  const { filesystem_policy: _ours, ...document } = policy?.document ?? { version: 1 as const };
  return (egress) => {
    const within = egressWithin(egress, policy?.open);
    const only = within === "settings" ? undefined : within;
    return writePolicy(exportPolicy(inImage, policy && document, only).document, []);
  };
};
