import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createOpenTrail } from "./audit/open-trail.ts";
import type { Trail } from "./audit/trail.ts";
import type { RunRequest, RunResult, Sandbox, SandboxStatus } from "./driver.ts";
import { messageOf } from "./errors.ts";
import { createGate } from "./gate.ts";
import { createGeneration, type Generation } from "./generation.ts";
import type { SandboxOptions } from "./options.ts";
import type { OpenshellSettings } from "./policy.ts";
import { withoutRun } from "./refusal.ts";
import { requestProblem } from "./request-problem.ts";

/** A sandbox whose settings can change while it is in use. */
export interface OpenshellSandbox extends Sandbox {
  /** Runs that have begun keep what they began with; all others, and `status`, follow these. */
  update(settings: OpenshellSettings): void;
}

// A cold start keeps a core busy for 0.2 s and a run may take all the memory it is allowed: many
// at once would only make each other slow. Tenants take turns; a run's clock starts with its place.
const PARALLEL_RUNS = 2 * availableParallelism();
// One tenant's long runs must not keep every other tenant out.
const RUNS_PER_TENANT = Math.max(1, Math.floor((PARALLEL_RUNS * 3) / 4));

/**
 * The sandbox of this gateway. Its probe starts at once and in the background; when no engine passes,
 * nothing runs. An engine that was asked for is never replaced by another.
 */
export const createSandbox = (options: SandboxOptions): OpenshellSandbox => {
  const { log } = options;
  const closing = new AbortController();
  const gate = createGate(PARALLEL_RUNS, RUNS_PER_TENANT);
  const running = new Set<Promise<RunResult>>();
  const retired = new Set<Promise<void>>();
  const start = (settings: OpenshellSettings) => {
    const own = { ...options, ...settings };
    return { settings, digest: digestOf(settings), generation: createGeneration(own, isBusy) };
  };
  const isBusy = () => gate.waiting() > 0;
  let current = start(options);

  const retire = (generation: Generation): void => {
    const closed = generation
      .close()
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, "sandbox not closed"))
      .finally(() => retired.delete(closed));
    retired.add(closed);
  };

  const attempt = async (
    request: RunRequest,
    trail: Trail,
    signal: AbortSignal,
  ): Promise<RunResult> => {
    if (signal.aborted) return aborted();
    let judged = current;
    let problem = requestProblem(request, judged.settings);
    if (problem !== undefined) return withoutRun("blocked", "policy", problem);
    const leave = await gate.enter(request.tenantId, signal).catch(() => undefined);
    if (leave === undefined) return aborted();
    let cleared = Promise.resolve();
    try {
      if (judged !== current) {
        judged = current; // the settings changed while it waited
        problem = requestProblem(request, judged.settings);
        if (problem !== undefined) return withoutRun("blocked", "policy", problem);
      }
      const performed = await judged.generation.run(request, trail, signal);
      cleared = performed.cleared;
      return performed.result;
    } finally {
      void cleared.then(() => {
        leave();
        current.generation.refill();
      });
    }
  };

  const trailFor = (status: SandboxStatus, request: RunRequest): Trail => {
    if (options.auditSink === "none") return NO_TRAIL;
    return createOpenTrail({
      sink: options.auditSink,
      audit: current.settings.audit ?? {},
      isolation: status.ok ? status.isolation : "none",
      sees: status.ok ? status.strength.sees : [],
    })(request);
  };

  const perform = async (request: RunRequest, signal: AbortSignal): Promise<RunResult> => {
    const either = AbortSignal.any([signal, closing.signal]);
    const status = await current.generation.status();
    const trail = trailFor(status, request);
    const result = status.ok
      ? await attempt(request, trail, either).catch((error: unknown) =>
          withoutRun("killed", "internal", messageOf(error)),
        )
      : withoutRun("blocked", "unavailable", status.reason);
    if (result.verdict === "blocked") trail.refused(result.detail ?? "");
    trail.ended(result);
    return result;
  };

  return {
    status: () => current.generation.status(),
    async run(request, signal) {
      const result = perform(request, signal);
      running.add(result);
      return result.finally(() => running.delete(result));
    },
    update(settings) {
      if (closing.signal.aborted || digestOf(settings) === current.digest) return;
      const { generation } = current;
      current = start(settings);
      retire(generation);
    },
    async close() {
      if (!closing.signal.aborted) {
        closing.abort();
        retire(current.generation);
      }
      await Promise.all([...running, ...retired]);
    },
  };
};

const NO_TRAIL: Trail = {
  started: () => {},
  refused: () => {},
  egress: () => {},
  observed: () => {},
  lost: () => {},
  ended: () => {},
};

const aborted = () => withoutRun("killed", "aborted", "aborted before it started");

/** Changes with the settings, and with the files that they name. */
const digestOf = (settings: OpenshellSettings): string => {
  const { isolation, strict, filesystem, network, execution, audit, hosts } = settings;
  const { egress_ca_file, policy_file, gateway } = settings;
  const keys = [isolation, strict, filesystem, network, execution, audit, hosts, gateway];
  const hash = createHash("sha256").update(JSON.stringify(keys));
  for (const file of [egress_ca_file, policy_file]) {
    hash.update(JSON.stringify([file, file === undefined ? "" : contentOf(file)]));
  }
  return hash.digest("hex");
};

const contentOf = (file: string): string => {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // whoever needs it says what is wrong with it
  }
};
