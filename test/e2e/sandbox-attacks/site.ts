import { randomUUID } from "node:crypto";
import { afterAll, describe } from "vitest";
import type { AuditSink } from "../../../sandbox/audit/trail.ts";
import type { EngineName, Language, RunResult } from "../../../sandbox/driver.ts";
import type { SandboxOptions } from "../../../sandbox/options.ts";
import { openTestSandbox, type RunMore, type TestSandbox } from "../../sandbox/sandbox-fixture.ts";

/** A sandbox of one engine, to be attacked from within. */
export interface Site extends Pick<TestSandbox, "folder" | "stateFolder"> {
  readonly engine: EngineName;
  /** Runs a program's text as a job of the tenant `mallory`. */
  attack(language: Language, source: string, more?: RunMore): Promise<RunResult>;
  /** Runs a Python program that calls `tell(name, value)` and returns what it told, by name. */
  spy(source: string, more?: RunMore): Promise<Readonly<Record<string, unknown>>>;
  /** What the record says of a run. */
  recordOf(runId: string): readonly Readonly<Record<string, unknown>>[];
}

const ENGINES: readonly EngineName[] = ["gvisor", "bubblewrap"];

const SPY = `
import json, os, sys
told = {}
def tell(name, value=True): told[name] = value
def attempt(name, act):
    try: tell(name, act())
    except BaseException as error: tell(name, type(error).__name__)
`;

/** Calls `attacks` once for each engine; one that does not work here is skipped, except in CI. */
export const underAttack = async (
  title: string,
  options: Partial<SandboxOptions>,
  attacks: (site: Site) => void,
): Promise<void> => {
  for (const engine of ENGINES) {
    const record: Record<string, unknown>[] = [];
    const opened = openTestSandbox(engine, { ...options, auditSink: keepIn(record) });
    afterAll(opened.close);
    const status = await opened.sandbox.status();
    if (!status.ok) console.warn(`${engine} does not work here: ${status.reason}`);
    const site = siteOf(engine, opened, record);
    describe.skipIf(!status.ok && process.env.CI !== "true")(`${title}, under ${engine}`, () => {
      attacks(site);
    });
  }
};

const siteOf = (
  engine: EngineName,
  { run, folder, stateFolder }: TestSandbox,
  record: readonly Record<string, unknown>[],
): Site => {
  const attack: Site["attack"] = (language, text, { request, ...more } = {}) =>
    run(language, "", {
      ...more,
      request: {
        runId: randomUUID(),
        tenantId: "mallory",
        program: { kind: "source", text },
        readonly: new Map(),
        ...request,
      },
    });
  return {
    engine,
    folder,
    stateFolder,
    attack,
    async spy(source, more) {
      const result = await attack("python", `${SPY}\n${source}\nprint(json.dumps(told))`, more);
      const said = result.stdout.toString();
      if (result.verdict === "ok") return JSON.parse(said);
      throw new Error(
        `${result.verdict} ${result.reason}: ${said}${result.stderr}${result.detail}`,
      );
    },
    recordOf: (runId) => record.filter((line) => line.run_id === runId),
  };
};

const keepIn = (record: Record<string, unknown>[]): AuditSink => ({
  write: (line) => record.push(JSON.parse(line)),
  flush: async () => {},
  dropped: 0,
  close: async () => {},
});
