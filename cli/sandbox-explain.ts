import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/schema.ts";
import { createTenantIndex, type Tenant } from "../config/tenant.ts";
import type { Skill, SkillEntry } from "../core/contract/skill.ts";
import type { Limits } from "../sandbox/driver.ts";
import { egressOf, egressProblem } from "../sandbox/grants.ts";
import { createSandbox } from "../sandbox/openshell.ts";
import { createLimits } from "../sandbox/policy.ts";
import { loadCatalogue } from "../skills/catalogue.ts";
import type { Io } from "./io.ts";
import { noTenant } from "./no-tenant.ts";
import { enginesFolder } from "./open-sandbox.ts";
import { sandboxWords } from "./sandbox-words.ts";
import { sayNo } from "./say-no.ts";
import { skillFolders } from "./skill-folders.ts";
import { table } from "./table.ts";

export interface ExplainOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Says what a tenant's runs, or those of one skill, may do. 0 said, 1 no such tenant or skill. */
export const explain = async (
  io: Io,
  options: ExplainOptions,
  tenantId: string,
  skillName: string | undefined,
): Promise<number> => {
  const loaded = loadSettings({ path: options.settings, env: io.env, cwd: io.cwd });
  const { settings } = loaded;
  const tenant = createTenantIndex(settings).get(tenantId);
  if (tenant === undefined) return noTenant(io, options, loaded, tenantId);
  const { skills } = await loadCatalogue(skillFolders(settings));
  const skill = skillName === undefined ? undefined : skills.get(skillName);
  if (skillName !== undefined && skill === undefined) {
    const known = [...skills.keys()].join(", ");
    const problem = `there is no skill ${skillName}; there are: ${known || "none"}`;
    return sayNo(io, options, "NOT_FOUND", problem);
  }
  const isAllowed = (each: Skill): boolean => tenant.skillVerdict(each) === "allowed";
  const view = {
    tenant: tenant.id,
    ...(skill === undefined
      ? { skills: [...skills.values()].filter(isAllowed).map(({ name }) => name) }
      : skillView(skill, tenant, settings)),
    ...runView(settings, skill),
    engine: await engineWords(settings),
  };
  io.stdout.write(options.json ? `${JSON.stringify(view)}\n` : text(view));
  return 0;
};

/** Whether the tenant's people can have a skill run, and why not. */
const skillView = (skill: Skill, tenant: Tenant, { openshell }: Settings) => {
  const { name, entry } = skill;
  const obstacles = [
    ...(tenant.skillVerdict(skill) === "allowed"
      ? []
      : ["the tenant's allowed_skills, blocked_skills or skill_policy leave it out"]),
    ...(entry ? runObstacles(skill, entry, tenant, openshell) : []),
  ];
  return {
    skill: name,
    language: entry?.language ?? null,
    may_run: obstacles.length === 0,
    obstacles,
  };
};

/** What keeps the script of a skill from running. */
const runObstacles = (
  { name, secrets, egress }: Skill,
  { language }: SkillEntry,
  tenant: Tenant,
  { execution, filesystem, network }: Settings["openshell"],
): readonly string[] => {
  const granted = tenant.secretsFor(name);
  const missing = secrets.filter((secret) => !granted.has(secret));
  const credentials = [...granted]
    .filter(([secret]) => secrets.includes(secret))
    .map(([secret, grant]) => ({ name: secret, ...grant }));
  const unreachable = egressProblem({ egress: egressOf(egress, network), credentials }, network);
  return [
    ...(execution.allowed_languages.includes(language)
      ? []
      : [`its language ${language} is not in openshell.execution.allowed_languages`]),
    ...(filesystem.readonly_paths.some((path) => path.replace(/\/+$/, "") === "/app")
      ? []
      : ["/app, where its files lie, is not in openshell.filesystem.readonly_paths"]),
    ...(missing.length === 0
      ? []
      : [`it needs secrets that the tenant's secrets do not grant it: ${missing.join(", ")}`]),
    ...(unreachable === undefined ? [] : [unreachable]),
  ];
};

const runView = ({ openshell }: Settings, skill: Skill | undefined) => {
  const { filesystem, network, execution, audit } = openshell;
  return {
    languages: execution.allowed_languages,
    limits: limitsView(createLimits(openshell)(skill?.limits)),
    writable: filesystem.allowed_paths,
    readable: filesystem.readonly_paths,
    network: networkView(network, skill),
    blocked_commands: execution.blocked_commands ?? [],
    recorded: {
      commands: audit.log_all_commands,
      network: audit.log_network_requests,
      files: audit.log_file_access,
    },
  };
};

const limitsView = (limits: Limits) => ({
  wall_s: limits.wallMs / 1000,
  cpu_s: limits.cpuMs / 1000,
  memory_mb: limits.memoryBytes / 2 ** 20,
  pids: limits.pids,
  disk_mb: limits.diskBytes / 2 ** 20,
  files: limits.files,
  output_bytes: limits.outputBytes,
  egress_mbps: limits.egressBytesPerSecond / 125_000,
});

/** The hosts that are open; `any` stands for every port but the blocked ones. */
const networkView = (network: Settings["openshell"]["network"], skill: Skill | undefined) => {
  const { mode, allowed_domains = [], blocked_ports = [] } = network;
  if (skill === undefined) {
    const open = mode === "off" ? [] : allowed_domains.map((host) => `${host}:any`);
    return { open, closed: [], blocked_ports };
  }
  const granted = egressOf(skill.egress, network);
  const open =
    typeof granted === "string" ? [] : granted.map(({ host, port }) => `${host}:${port}`);
  return {
    open,
    closed: skill.egress.filter((asked) => egressOf([asked], network) === "none"),
    blocked_ports,
  };
};

/** What isolates here, and what it cannot hold. */
const engineWords = async ({ openshell }: Settings): Promise<readonly string[]> => {
  const sandbox = createSandbox({
    ...openshell,
    enginesFolder,
    auditSink: "none",
    warmPool: "off",
    isProofEnough: true,
    log: { info: () => {}, warn: () => {} },
  });
  try {
    return sandboxWords(await sandbox.status(), openshell);
  } finally {
    await sandbox.close();
  }
};

type View = ReturnType<typeof runView> & {
  readonly tenant: string;
  readonly engine: readonly string[];
} & (Partial<ReturnType<typeof skillView>> & { readonly skills?: readonly string[] });

const text = (view: View): string => {
  const { limits, network, recorded } = view;
  const { open, closed, blocked_ports } = network;
  const shown = (list: readonly unknown[], none = "none") => list.join(", ") || none;
  const kinds = Object.entries(recorded).flatMap(([kind, isOn]) => (isOn ? [kind] : []));
  const about =
    view.skill === undefined
      ? [["skills", shown(view.skills ?? [])]]
      : [
          ["skill", `${view.skill} (${view.language ?? "instructions only"})`],
          ["may run", view.may_run ? "yes" : `no: ${shown(view.obstacles ?? [])}`],
        ];
  return table([
    ["tenant", view.tenant],
    ...about,
    ...view.engine.map((words, index) => [index === 0 ? "isolation" : "", words]),
    ["languages", shown(view.languages)],
    ["at most", `${limits.wall_s} s, of these ${limits.cpu_s} s of processor time`],
    ["", `${limits.memory_mb} MiB of memory, ${limits.pids} processes`],
    ["", `${limits.disk_mb} MiB in ${limits.files} files, gone after the run`],
    ["", `${limits.output_bytes} bytes on each of stdout and stderr`],
    ["writes to", shown(view.writable)],
    ["reads", `${shown(view.readable)}, and the system's programs`],
    ["reaches", shown(open, "no network")],
    ...(closed.length > 0 ? [["", `asked for, and closed: ${shown(closed)}`]] : []),
    ...(open.length > 0
      ? [["", `never on ports ${shown(blocked_ports)}; ${limits.egress_mbps} Mbit/s`]]
      : []),
    ["blocked", `${shown(view.blocked_commands)} (defence in depth: a script can hide a command)`],
    ["recorded", shown(kinds, "starts, refusals and ends only")],
  ]);
};
