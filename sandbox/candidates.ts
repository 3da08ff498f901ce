import { join } from "node:path";
import type { EngineName, SandboxDriver } from "./driver.ts";
import { createBubblewrapDriver } from "./drivers/bubblewrap.ts";
import { createGvisorDriver } from "./drivers/gvisor.ts";
import type { Workshop } from "./workshop.ts";

/** Where engines lie on this machine. */
export interface EnginePlaces {
  /** Looked into before PATH: `<folder>/usr/bin/runsc`. */
  readonly enginesFolder: string;
}

interface Candidate {
  create(workshop: Workshop, places: EnginePlaces): SandboxDriver;
  /** What is run of it on this machine, if anything. */
  programs(places: EnginePlaces): readonly string[];
}

// Strongest first.
const CANDIDATES: ReadonlyMap<EngineName, Candidate> = new Map<EngineName, Candidate>([
  [
    "gvisor",
    {
      create: createGvisorDriver,
      programs: ({ enginesFolder }) => [
        join(enginesFolder, "usr/bin/runsc"),
        "/usr/local/bin/runsc",
        "/usr/bin/runsc",
      ],
    },
  ],
  [
    "bubblewrap",
    {
      create: createBubblewrapDriver,
      programs: () => ["/usr/bin/bwrap", "/usr/bin/setpriv", "/usr/bin/prlimit"],
    },
  ],
]);

/** Engines that `openshell.isolation` allows, strongest first; none for a name that we do not know. */
export const enginesFor = (isolation: string): readonly EngineName[] =>
  [...CANDIDATES.keys()].filter((name) => isolation === "auto" || isolation === name);

/** Builds the driver of an engine. */
export const createDriver = (
  name: EngineName,
  workshop: Workshop,
  places: EnginePlaces,
): SandboxDriver | undefined => CANDIDATES.get(name)?.create(workshop, places);

/** Programs of an engine whose change makes another engine of it. */
export const programsOf = (name: EngineName, places: EnginePlaces): readonly string[] =>
  CANDIDATES.get(name)?.programs(places) ?? [];
