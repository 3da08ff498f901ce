import { coverageOf } from "../sandbox/audit/coverage.ts";
import type { SandboxStatus } from "../sandbox/driver.ts";
import type { OpenshellSettings } from "../sandbox/policy.ts";

/** What an operator should know of the sandbox, the engine first; for `start` and `doctor`. */
export const sandboxWords = (
  status: SandboxStatus,
  { audit = {} }: Pick<OpenshellSettings, "audit">,
): readonly string[] => {
  if (!status.ok) return [`NONE, skills are off: ${status.reason}`];
  const { unenforced, sees } = status.strength;
  const { coverage, coverage_detail } = coverageOf({ audit, sees });
  return [
    status.isolation,
    ...(unenforced.length > 0
      ? [`cannot hold ${unenforced.join(", ")} here, which openshell.strict false accepts`]
      : []),
    ...(coverage === "partial" ? [`record of runs is partial: ${coverage_detail}`] : []),
  ];
};
