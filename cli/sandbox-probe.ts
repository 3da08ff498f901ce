import { loadSettings } from "../config/load.ts";
import type { EngineName, SandboxStatus } from "../sandbox/driver.ts";
import { createSandbox } from "../sandbox/openshell.ts";
import type { OpenshellSettings } from "../sandbox/policy.ts";
import type { Io } from "./io.ts";
import { enginesFolder } from "./open-sandbox.ts";
import { table } from "./table.ts";

export interface ProbeOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
}

const ENGINES: readonly EngineName[] = ["gvisor", "bubblewrap", "firecracker", "openshell"];

/** Tries every engine on this machine. 0 the configured one works, 1 it does not. */
export const probe = async (io: Io, options: ProbeOptions): Promise<number> => {
  const { settings } = loadSettings({ path: options.settings, env: io.env, cwd: io.cwd });
  const { openshell } = settings;
  const found: Found[] = [];
  // One after the other: a boot keeps a core busy, and a probe that waits for it may give up.
  for (const engine of ENGINES) found.push({ engine, status: await tryEngine(openshell, engine) });
  const works = found.find(
    ({ engine, status }) =>
      status.ok && (openshell.isolation === "auto" || openshell.isolation === engine),
  );
  if (options.json) {
    const engines = found.map(view);
    const { isolation } = openshell;
    io.stdout.write(
      `${JSON.stringify({ ok: works !== undefined, isolation, uses: works?.engine ?? null, engines })}\n`,
    );
  } else {
    io.stdout.write(text(found, openshell.isolation, works?.engine));
  }
  return works === undefined ? 1 : 0;
};

interface Found {
  readonly engine: EngineName;
  readonly status: SandboxStatus;
}

const tryEngine = async (
  settings: OpenshellSettings,
  engine: EngineName,
): Promise<SandboxStatus> => {
  const sandbox = createSandbox({
    ...settings,
    isolation: engine,
    enginesFolder,
    auditSink: "none", // it runs nothing of anybody's
    warmPool: "off",
    log: { info: () => {}, warn: () => {} },
  });
  try {
    return await sandbox.status();
  } finally {
    await sandbox.close();
  }
};

const view = ({ engine, status }: Found) =>
  status.ok
    ? {
        engine,
        ok: true,
        version: status.version,
        isolation: status.isolation,
        strength: status.strength,
      }
    : { engine, ok: false, reason: status.reason };

const text = (found: readonly Found[], isolation: string, uses: string | undefined): string => {
  const rows = found.map(({ engine, status }) => [
    engine,
    status.ok ? "works" : "no",
    status.ok ? `${status.isolation}; ${status.strength.wall}` : status.reason,
  ]);
  const weak = found.flatMap(({ engine, status }) =>
    status.ok && status.strength.unenforced.length > 0
      ? [`${engine} cannot hold here: ${status.strength.unenforced.join(", ")}\n`]
      : [],
  );
  const verdict =
    uses === undefined
      ? `openshell.isolation is ${isolation}, which does not work here: skills are off\n`
      : `openshell.isolation is ${isolation}: skills run under ${uses}\n`;
  return [table([["ENGINE", "HERE", "WHAT"], ...rows]), ...weak, verdict].join("");
};
