import { posix } from "node:path";
import type { Observation, RunRequest } from "../driver.ts";
import { type CoverageFacts, coverageOf } from "./coverage.ts";
import { jsonLine } from "./json-line.ts";
import { httpKind, KIND, type OcsfKind, ocsfBase } from "./ocsf.ts";
import type { AuditSink, OpenTrail, Trail } from "./trail.ts";
import { commandLine, cut, cutAndMask } from "./words.ts";

export interface TrailOptions extends CoverageFacts {
  readonly sink: AuditSink;
  /** What really isolates, in words. */
  readonly isolation: string;
  readonly now?: () => Date;
}

// A job that opens files in a loop must fill neither the disk nor the memory with its record. What it
// does inside and what it asks the proxy for have a share each: one does not hide the other.
const SHARE_BYTES = 8 << 20;
const MAX_PATH = 4096;
const MAX_COMMAND = 4096;
const MAX_SOURCE = 4096;
const MAX_WORDS = 1024;

/** Writes the record of runs to a sink. Starts, refusals and ends are written however much a job did. */
export const createOpenTrail = (options: TrailOptions): OpenTrail => {
  const { sink, audit, now = () => new Date() } = options;
  return (request: RunRequest): Trail => {
    const counts = {
      exec: 0,
      file_read: 0,
      file_write: 0,
      connect: 0,
      egress_allowed: 0,
      egress_denied: 0,
      refused: 0,
    };
    const ownProcess = audit.log_all_commands
      ? jobProcess(request)
      : { name: cut(request.language, MAX_WORDS) };
    let seq = 0;
    const room = { inside: SHARE_BYTES, egress: SHARE_BYTES };
    let suppressed = 0;
    let dropped = 0;
    let isBroken = false;

    const line = (event: string, kind: OcsfKind, at: Date, more: object): string => {
      const { tenantId, runId, origin } = request;
      return jsonLine({
        tenant: tenantId,
        run_id: runId,
        skill: origin.skill ?? null,
        message: origin.messageId ?? null,
        seq,
        event,
        ...ocsfBase(kind, { at, tenantId, runId, sequence: seq }),
        ...more,
      });
    };
    const always = (event: string, kind: OcsfKind, more: object) => {
      sink.write(line(event, kind, now(), more));
      seq++;
    };
    /** For what a job can do as often as it likes. */
    const ifRoom = (
      share: keyof typeof room,
      event: string,
      kind: OcsfKind,
      at: Date,
      more: object,
    ) => {
      if (room[share] > 0) {
        const text = line(event, kind, at, more);
        room[share] -= text.length;
        sink.write(text);
        seq++;
      } else suppressed++;
    };

    return {
      started: () =>
        always("started", KIND.launch, {
          isolation: options.isolation,
          ...coverageOf(options),
          language: request.language,
          process: ownProcess,
          ...(audit.log_all_commands && request.program.kind === "source"
            ? { source: cutAndMask(request.program.text, MAX_SOURCE) }
            : {}),
        }),
      refused(detail) {
        counts.refused++;
        const title = cutAndMask(detail, MAX_WORDS);
        const uid = `${request.runId}-${seq}`;
        const more = { detail: title, finding_info: { title, uid }, process: ownProcess };
        always("refused", KIND.refusal, more);
      },
      egress(decision) {
        const isAllowed = decision.decision === "allow";
        counts[isAllowed ? "egress_allowed" : "egress_denied"]++;
        if (isAllowed && !audit.log_network_requests) return;
        const host = cut(decision.host, MAX_WORDS);
        const { port, at, durationMs, sentBytes, receivedBytes } = decision;
        ifRoom("egress", "egress", httpKind(decision.method, isAllowed), at, {
          host,
          port,
          decision: decision.decision,
          rule: cut(decision.rule, MAX_WORDS),
          duration: Math.round(durationMs),
          dst_endpoint: { hostname: host, port },
          http_request: {
            http_method: cut(decision.method, 32),
            url: {
              hostname: host,
              port,
              ...(decision.path === undefined ? {} : { path: cutAndMask(decision.path, MAX_PATH) }),
            },
          },
          traffic: { bytes_out: sentBytes, bytes_in: receivedBytes },
        });
      },
      observed(observation) {
        const { at, pid } = observation;
        const actor = { process: { pid } };
        switch (observation.kind) {
          case "exec": {
            counts.exec++;
            if (!audit.log_all_commands) return;
            const { path, argv } = observation;
            ifRoom("inside", "exec", KIND.launch, at, {
              actor,
              process: { pid, cmd_line: commandLine(argv, MAX_COMMAND), file: fileOf(path) },
            });
            return;
          }
          case "open": {
            const event = observation.isWrite ? "file_write" : "file_read";
            counts[event]++;
            if (!audit.log_file_access) return;
            const kind = observation.isWrite ? KIND.write : KIND.read;
            ifRoom("inside", event, kind, at, { actor, file: fileOf(observation.path) });
            return;
          }
          case "connect": {
            counts.connect++;
            if (!audit.log_network_requests) return;
            ifRoom("inside", "connect", KIND.connect, at, {
              actor,
              dst_endpoint: endpointOf(observation),
            });
          }
        }
      },
      lost(count) {
        if (Number.isFinite(count)) dropped += count;
        else isBroken = true;
      },
      ended(result) {
        const kind = result.verdict === "killed" ? KIND.kill : KIND.terminate;
        always("ended", kind, {
          verdict: result.verdict,
          reason: result.reason ?? null,
          detail: result.detail === undefined ? null : cutAndMask(result.detail, MAX_WORDS),
          exit_code: result.exitCode ?? null,
          signal: result.signal ?? null,
          process: { name: request.language },
          usage: {
            wall_ms: Math.round(result.usage.wallMs),
            cpu_ms: Math.round(result.usage.cpuMs),
            max_rss_bytes: result.usage.peakMemoryBytes,
          },
          counts,
          dropped,
          suppressed,
          is_trace_broken: isBroken,
        });
      },
    };
  };
};

const jobProcess = ({ language, program, argv }: RunRequest): object => {
  const path = program.kind === "file" ? program.path : "(source)";
  return { name: language, cmd_line: commandLine([language, path, ...argv], MAX_COMMAND) };
};

/** `type_id` 0 is Unknown: whether it is a file, a folder or nothing at all was not looked up. */
const fileOf = (path: string): object =>
  path === ""
    ? { name: "(unnamed)", path: "", type_id: 0 }
    : { name: cut(posix.basename(path), 255), path: cutAndMask(path, MAX_PATH), type_id: 0 };

const endpointOf = ({ to, port }: Observation & { readonly kind: "connect" }): object =>
  port === undefined ? { name: cut(to, MAX_WORDS) } : { ip: to, port };
