import type { Observation } from "../driver.ts";
import type { OpenshellSettings } from "../policy.ts";

/** What is asked to be on record, and what can be. */
export interface CoverageFacts {
  /** What is switched on; refusals, starts and ends are recorded in any case. */
  readonly audit: NonNullable<OpenshellSettings["audit"]>;
  /** What the engine's observations cover. */
  readonly sees: readonly Observation["kind"][];
}

/** Which of a job's doings end up in the record: partial where the engine sees less than is asked. */
export const coverageOf = ({
  audit,
  sees,
}: CoverageFacts): {
  coverage: "full" | "partial";
  coverage_detail: string;
} => {
  const parts = COVERAGE.map(({ kind, key, seen, unseen }) => {
    const isMissed = audit[key] === true && !sees.includes(kind);
    return { isMissed, words: audit[key] !== true ? `${key} is off` : isMissed ? unseen : seen };
  });
  return {
    coverage: parts.some(({ isMissed }) => isMissed) ? "partial" : "full",
    coverage_detail: `attempts, not outcomes: ${parts.map(({ words }) => words).join("; ")}`,
  };
};

const COVERAGE = [
  {
    kind: "exec",
    key: "log_all_commands",
    seen: "every command",
    unseen: "of commands only the job itself",
  },
  {
    kind: "open",
    key: "log_file_access",
    seen: "files opened for writing, and for reading below readonly_paths; no deletions or renames",
    unseen: "no access to files",
  },
  {
    kind: "connect",
    key: "log_network_requests",
    seen: "connections and what reached the egress proxy; no datagrams",
    unseen: "of the network only what reached the egress proxy",
  },
] as const;
