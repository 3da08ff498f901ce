import type { Run, RunResult } from "../driver.ts";
import type { EngineProcess } from "../engine-process.ts";
import { collectOutputs } from "../outputs.ts";
import { type Ended, type Supervision, supervise } from "../supervise.ts";
import { writeJob } from "./job-folder.ts";
import type { SlotResources } from "./slot-resources.ts";
import { type Finding, verdictOf } from "./verdict.ts";

/** What differs between engines once a sandbox is up. */
export interface JobRun extends Omit<Supervision, "limits"> {
  readonly resources: SlotResources;
  readonly engine: EngineProcess;
  readonly run: Run;
  /** What the engine itself, outside the sandbox, says of how it ended. */
  finding(ended: Ended): Finding | Promise<Finding>;
}

/** Gives a waiting sandbox its job and resolves when everything of it is dead and collected. */
export const runJob = async ({ resources, engine, run, ...rest }: JobRun): Promise<RunResult> => {
  const { request } = run;
  const { mounts, space, spec } = resources;
  writeJob(resources.jobFolder, request, {
    ...jobEnvironment(mounts.home),
    ...request.env,
    ...spec.wayOut?.env,
  });
  if (spec.unhurried === "boot") engine.cgroup.hurry();
  const ended = await supervise(engine, { ...rest, limits: request.limits });
  const result = verdictOf(ended, await rest.finding(ended), space);
  const home = space.folders.get(mounts.home);
  if (request.outputs === undefined || home === undefined) return result;
  const { files, isTruncated } = await collectOutputs(space.view(home), request.outputs);
  return { ...result, outputs: files, isTruncated: result.isTruncated || isTruncated };
};

/** What every process inside has in its environment. */
export const jobEnvironment = (home: string) => ({ PATH: "/usr/bin:/bin", HOME: home });
