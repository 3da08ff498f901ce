import type { OpenshellSettings } from "../policy.ts";
import type { Note } from "./finding.ts";

const NO_KEY = "OpenShell's policy has no key for it";
const COMPUTE = `${NO_KEY}: set it where OpenShell's compute driver is configured.`;
const LOGGING = `${NO_KEY}: OpenShell's own logs say what happened.`;

/** By key of a section of `openshell`: why a policy cannot say it. */
const LIMITS = {
  filesystem: {
    mode: `${NO_KEY}: files stay as long as the sandbox does, so delete it after a run.`,
    max_size_gb: COMPUTE,
  },
  network: { egress_bandwidth_mbps: COMPUTE },
  execution: {
    max_cpu_seconds: COMPUTE,
    max_memory_mb: COMPUTE,
    allowed_languages: `${NO_KEY}: the image decides which interpreters there are; only network rules name some.`,
    blocked_commands: `${NO_KEY}: leave the programs out of the image.`,
  },
  audit: {
    log_all_commands: LOGGING,
    log_network_requests: LOGGING,
    log_file_access: LOGGING,
    export_to: LOGGING,
  },
} as const;

/** Notes what of the settings no OpenShell policy can say. */
export const noteLimits = (settings: OpenshellSettings, note: Note): void => {
  note(["openshell", "isolation"], "unenforceable", COMPUTE);
  const landlock = "Written as landlock.compatibility, which is about files only.";
  note(["openshell", "strict"], "approximated", landlock);
  const off = "Without a rule nothing can be reached.";
  const on = "Only what a rule opens can be reached.";
  note(["openshell", "network", "mode"], "exported", settings.network.mode === "off" ? off : on);
  if (settings.network.blocked_ports !== undefined) {
    const why = "No rule opens one of them, and OpenShell opens no port that is not listed.";
    note(["openshell", "network", "blocked_ports"], "exported", why);
  }
  for (const [section, keys] of Object.entries(LIMITS)) {
    const given = Object.entries(settings).find(([name]) => name === section)?.[1];
    for (const [key, why] of Object.entries(keys)) {
      if (typeof given === "object" && given !== null && key in given) {
        note(["openshell", section, key], "unenforceable", why);
      }
    }
  }
  for (const name of Object.keys(settings.hosts ?? {})) {
    const why = `${NO_KEY}: OpenShell asks its own DNS.`;
    note(["openshell", "hosts", name], "unenforceable", why);
  }
  if (settings.egress_ca_file !== undefined) {
    const why = `${NO_KEY}: put the authority into the image.`;
    note(["openshell", "egress_ca_file"], "unenforceable", why);
  }
};
