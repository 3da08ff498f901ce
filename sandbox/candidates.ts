import { join } from "node:path";
import type { TraceWatch } from "./audit/trace-points.ts";
import type { TraceHub } from "./audit/trace-session.ts";
import type { EngineName, SandboxDriver } from "./driver.ts";
import { createBubblewrapDriver } from "./drivers/bubblewrap.ts";
import {
  createFirecrackerDriver,
  type FirecrackerOptions,
  firecrackerPrograms,
} from "./drivers/firecracker/driver.ts";
import { createGvisorDriver } from "./drivers/gvisor.ts";
import { createOpenshellDriver, type OpenshellOptions } from "./drivers/openshell/driver.ts";
import type { Workshop } from "./workshop.ts";

/** Where engines lie on this machine. */
export interface EnginePlaces {
  /** Looked into before PATH: `<folder>/usr/bin/runsc`. */
  readonly enginesFolder: string;
  readonly firecracker?: FirecrackerOptions;
  /** HOME of the OpenShell CLI, which holds its gateways and credentials; default our user's. */
  readonly openshellHome?: string;
}

/** What drivers are built of. */
export interface EngineParts extends EnginePlaces {
  readonly workshop: Workshop;
  /** Absent means that the settings name no such gateway. */
  readonly openshellGateway?: OpenshellOptions;
  /** Absent means that nothing is observed. */
  readonly trace?: { readonly hub: TraceHub; readonly watch: TraceWatch };
}

interface Candidate {
  /** Undefined where what it needs was not named. */
  create(parts: EngineParts): SandboxDriver | undefined;
  /** What is run of it on this machine, if anything. */
  programs(places: EnginePlaces): readonly string[];
}

const MOUNTER_PROGRAMS = ["/usr/bin/python3", "/usr/bin/unshare", "/usr/bin/nsenter"];

// Strongest first.
const CANDIDATES: ReadonlyMap<EngineName, Candidate> = new Map<EngineName, Candidate>([
  [
    "firecracker",
    {
      create: ({ workshop, firecracker }) => createFirecrackerDriver(workshop, firecracker),
      programs: ({ firecracker }) => firecrackerPrograms(firecracker),
    },
  ],
  [
    "gvisor",
    {
      create: ({ workshop, ...parts }) => createGvisorDriver(workshop, parts),
      programs: ({ enginesFolder }) => [
        join(enginesFolder, "usr/bin/runsc"),
        "/usr/local/bin/runsc",
        "/usr/bin/runsc",
        ...MOUNTER_PROGRAMS,
      ],
    },
  ],
  [
    "bubblewrap",
    {
      create: ({ workshop }) => createBubblewrapDriver(workshop),
      programs: () => ["/usr/bin/bwrap", "/usr/bin/prlimit", ...MOUNTER_PROGRAMS],
    },
  ],
  [
    "openshell",
    {
      create: ({ workshop, openshellGateway }) =>
        openshellGateway && createOpenshellDriver(workshop, openshellGateway),
      programs: () => [], // it is elsewhere: what it proved there cannot be told from here
    },
  ],
]);

/** It sends jobs to another machine, which nobody has asked for who says `auto`. */
const ONLY_BY_NAME: EngineName = "openshell";

/** Engines that `openshell.isolation` allows, strongest first; none for a name that we do not know. */
export const enginesFor = (isolation: string): readonly EngineName[] =>
  [...CANDIDATES.keys()].filter(
    (name) => isolation === name || (isolation === "auto" && name !== ONLY_BY_NAME),
  );

/** Builds the driver of an engine. */
export const createDriver = (name: EngineName, parts: EngineParts): SandboxDriver | undefined =>
  CANDIDATES.get(name)?.create(parts);

/** Programs of an engine whose change makes another engine of it. */
export const programsOf = (name: EngineName, places: EnginePlaces): readonly string[] =>
  CANDIDATES.get(name)?.programs(places) ?? [];
