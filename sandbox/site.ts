import { absentPrograms } from "./absent-programs.ts";
import type { TraceWatch } from "./audit/trace-points.ts";
import { openTraceHub, type TraceHub } from "./audit/trace-session.ts";
import { createDriver, type EngineParts, enginesFor, programsOf } from "./candidates.ts";
import { findLimits } from "./cgroup/cgroup.ts";
import { systemClock } from "./clock.ts";
import type { EngineName } from "./driver.ts";
import { createEngine, type Engine, type EngineState } from "./engine.ts";
import { messageOf } from "./errors.ts";
import { overlap, pathProblem } from "./mount-paths.ts";
import { type OpenEgress, openEgress } from "./open-egress.ts";
import { openshellGatewayOf } from "./openshell-gateway.ts";
import type { SandboxOptions } from "./options.ts";
import { createProofs } from "./proof.ts";
import { askedInVain, strictProblem } from "./strictness.ts";
import { createTrees, type Trees } from "./trees.ts";
import { createWorkshop, stateFolderOf, sweepLeftovers, type Workshop } from "./workshop.ts";

/** What the runs of one generation stand on: its engine and what that needs of this machine. */
export interface Site {
  readonly engine: Engine;
  readonly wayOut?: OpenEgress;
  readonly trees: Trees;
  /** Gives everything back; nothing may run any more. */
  close(): Promise<void>;
}

type OpenedSite =
  | { readonly ok: true; readonly site: Site }
  | { readonly ok: false; readonly reason: string };

const DEFAULT_STATE_FOLDER = stateFolderOf(process.getuid?.() ?? 0);

/**
 * Opens a site and starts the probe of its engine, whose every state `onChange` is told. Never
 * rejects: says why there can be none.
 */
export const openSite = async (
  options: SandboxOptions,
  onChange: (state: EngineState) => void,
): Promise<OpenedSite> => {
  const off = (reason: string): OpenedSite => {
    options.log.warn({ reason }, "no sandbox: skills are off");
    return { ok: false, reason };
  };
  try {
    const names = enginesFor(options.isolation);
    if (names.length === 0) {
      return off(
        `openshell.isolation ${options.isolation} has no driver in this version: use gvisor, bubblewrap, firecracker, openshell or auto`,
      );
    }
    const problem = filesystemProblem(options.filesystem);
    if (problem !== undefined) return off(problem);
    return { ok: true, site: await build(options, names, onChange) };
  } catch (error) {
    return off(messageOf(error));
  }
};

const build = async (
  options: SandboxOptions,
  names: readonly EngineName[],
  onChange: (state: EngineState) => void,
): Promise<Site> => {
  const { log, stateFolder = DEFAULT_STATE_FOLDER } = options;
  const isElsewhere = names.includes("openshell");
  const openshellGateway = isElsewhere ? openshellGatewayOf(options, stateFolder) : undefined;
  const cgroups = findLimits();
  await sweepLeftovers(stateFolder, cgroups).catch((error: unknown) => {
    // They cost memory and hurt nothing; new runs have names of their own.
    log.warn({ error: messageOf(error) }, "leftovers of an earlier gateway stay");
  });
  const absent = absentPrograms(options.execution.blocked_commands ?? []);
  const workshop = await createWorkshop(stateFolder, cgroups, options.filesystem, absent);
  const wayOut = await wayOutOf(options, workshop);
  const hub = openTraceHub(workshop.createFolder("trace", process.getuid?.() ?? 0));
  const parts = {
    workshop,
    enginesFolder: options.enginesFolder,
    ...(options.firecracker && { firecracker: options.firecracker }),
    ...(openshellGateway && { openshellGateway }),
    trace: { hub, watch: watchFor(options) },
  };
  const engine = startEngine({ ...options, stateFolder }, names, parts, onChange);
  return {
    engine,
    ...(wayOut && { wayOut }),
    trees: createTrees(workshop, systemClock),
    close: () => closeAll(engine, wayOut, hub, workshop),
  };
};

const closeAll = async (
  engine: Engine,
  wayOut: OpenEgress | undefined,
  hub: TraceHub,
  workshop: Workshop,
): Promise<void> => {
  const state = await engine.state();
  if (state.ok) await state.driver.close?.();
  await wayOut?.egress.close();
  await hub.close();
  await workshop.close();
};

const wayOutOf = async (
  options: SandboxOptions,
  workshop: Workshop,
): Promise<OpenEgress | undefined> => {
  try {
    return openEgress(options, workshop);
  } catch (error) {
    await workshop.close();
    throw error;
  }
};

/** What has to be seen of jobs so that the settings hold. */
const watchFor = ({ audit = {}, execution }: SandboxOptions): TraceWatch => ({
  exec: audit.log_all_commands === true || (execution.blocked_commands ?? []).length > 0,
  open: audit.log_file_access === true,
  connect: audit.log_network_requests === true,
});

const startEngine = (
  options: SandboxOptions & { readonly stateFolder: string },
  names: readonly EngineName[],
  parts: EngineParts,
  onChange: (state: EngineState) => void,
): Engine => {
  const { log, stateFolder, isProofEnough } = options;
  const { isolation, strict, filesystem, network, execution } = options;
  return createEngine({
    candidates: () => names.flatMap((name) => createDriver(name, parts) ?? []),
    objection: ({ strength }) => strictProblem(options, strength.unenforced),
    ...(isProofEnough && {
      proofs: createProofs({
        stateFolder,
        context: { isolation, strict, filesystem, network, execution },
        programsOf: (name) => programsOf(name, options),
      }),
    }),
    clock: systemClock,
    onChange: (state) => {
      onChange(state);
      if (!state.ok) return log.warn({ reason: state.reason }, "no sandbox: skills are off");
      const { version, platform, strength } = state.probe;
      const weak = askedInVain(options, strength.unenforced);
      const fields = { engine: state.driver.name, version, platform };
      if (weak.length > 0)
        log.warn({ ...fields, unenforced: weak }, "sandbox is weaker than asked");
      else log.info(fields, "sandbox is ready");
    },
  });
};

const filesystemProblem = (filesystem: SandboxOptions["filesystem"]): string | undefined => {
  const paths = [...filesystem.allowed_paths, ...filesystem.readonly_paths];
  for (const [index, path] of paths.entries()) {
    const problem = pathProblem(path);
    if (problem !== undefined) return `openshell.filesystem: ${path} ${problem}`;
    const other = paths.slice(0, index).find((earlier) => overlap(earlier, path));
    if (other !== undefined) return `openshell.filesystem: ${path} and ${other} overlap`;
  }
  return undefined;
};
