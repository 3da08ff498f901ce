import type { PolicyDocument } from "./document.ts";
import { type Folders, foldersOf } from "./filesystem.ts";
import { createFindings, type Finding } from "./finding.ts";
import { type OpenNetwork, openNetwork } from "./network.ts";

/** What a policy means for this sandbox. */
export interface Interpretation extends OpenNetwork {
  /** The keys of `openshell` that follow from the policy; all others stay as they are. */
  readonly settings: {
    readonly filesystem: Folders;
    readonly network: {
      readonly mode: "off" | "whitelist";
      readonly allowed_domains: readonly string[];
    };
  };
  /** What becomes of each key, in the order of the policy. */
  readonly findings: readonly Finding[];
}

/** Says what a policy means for this sandbox; never more than the policy grants, or it is noted. */
export const interpret = (document: PolicyDocument): Interpretation => {
  const { findings, note } = createFindings();
  note(["version"], "enforced", "This is the version that is understood.");
  const filesystem = foldersOf(document.filesystem_policy, note);
  if (document.landlock?.compatibility !== undefined) {
    note(
      ["landlock", "compatibility"],
      "approximated",
      "The engine shows a run nothing but its own folders, with or without Landlock; openshell.strict says what happens when it cannot.",
    );
  }
  for (const key of ["run_as_user", "run_as_group"] as const) {
    if (document.process?.[key] === undefined) continue;
    const why = "A run has the user and group of its tenant, which are never root's.";
    note(["process", key], "approximated", why);
  }
  const { open, rules } = openNetwork(document, note);
  const hosts = [...new Set(open.map(({ host }) => host))];
  const network = {
    mode: hosts.length > 0 ? ("whitelist" as const) : ("off" as const),
    allowed_domains: hosts,
  };
  return { settings: { filesystem, network }, open, rules, findings };
};
