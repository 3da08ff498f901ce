import { writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { formatProblem, type Problem, SettingsError } from "../config/problem.ts";
import { PolicyFileError } from "../sandbox/policy-file/errors.ts";
import { explainPolicy, explainSettings } from "../sandbox/policy-file/explain.ts";
import { exportPolicy } from "../sandbox/policy-file/export.ts";
import type { Finding, Status } from "../sandbox/policy-file/finding.ts";
import { loadPolicyFile } from "../sandbox/policy-file/load.ts";
import { writePolicy } from "../sandbox/policy-file/write.ts";
import type { Io } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { MISUSE, sayNo } from "./say-no.ts";

interface CommonOptions {
  readonly json?: boolean | undefined;
  readonly strict?: boolean | undefined;
}

export interface ImportOptions extends CommonOptions {
  readonly output?: string | undefined;
}

export interface ExportOptions extends ImportOptions {
  readonly settings?: string | undefined;
}

export interface ExplainOptions extends CommonOptions {
  readonly settings?: string | undefined;
}

/** Prints the settings that a policy means. 0 done, 1 strict and not all is held, 2 unusable. */
export const importPolicy = (io: Io, file: string, options: ImportOptions): Promise<number> =>
  guarded(io, options, () => {
    const source = resolve(io.cwd, file);
    const policy = loadPolicyFile(source);
    const out = options.output === undefined ? undefined : resolve(io.cwd, options.output);
    const isWritten = isHeld(options, policy.findings);
    const openshell = {
      ...policy.settings,
      policy_file: out === undefined ? source : relative(dirname(out), source),
    };
    const text = settingsText(openshell, file);
    // First: where it cannot be written, nothing says that it was.
    if (out !== undefined && isWritten) writeFileSync(out, text, { flag: "wx" });
    if (options.json) {
      const { open, rules, findings } = policy;
      printJson(io, {
        ok: isWritten,
        source,
        openshell,
        open,
        rules,
        report: findings,
      });
    } else {
      for (const line of report(policy.findings)) print(io.stderr, line);
    }
    if (!isWritten) return refuseStrict(io, options);
    if (out === undefined && !options.json) io.stdout.write(text);
    return 0;
  });

const settingsText = (openshell: object, file: string): string => {
  const json = JSON.stringify({ openshell }, null, 2);
  return [
    `// What the OpenShell policy ${JSON.stringify(file)} means, for settings.json.`,
    "// Limits (CPU, memory, disk, bandwidth), languages, blocked commands and audit have no key in a",
    "// policy: add them here. `policy_file` narrows `allowed_domains` to the policy's ports and requests.",
    json,
    "",
  ].join("\n");
};

/** Prints the policy that the settings mean. 0 done, 1 strict and not all is said, 2 unusable. */
export const exportSettings = (io: Io, options: ExportOptions): Promise<number> =>
  guarded(io, options, () => {
    const { openshell, policy, source } = settingsOf(io, options);
    const { document, findings } = exportPolicy(openshell, policy?.document);
    const unsaid = findings.filter(({ status }) => status === "unenforceable");
    const text = writePolicy(document, [
      `What ${source} allows, as an OpenShell policy.`,
      ...(unsaid.length > 0 ? ["Not said by this policy:"] : []),
      ...unsaid.map(({ path, why }) => `  ${path}: ${why}`),
    ]);
    const isWritten = isHeld(options, findings);
    if (options.output !== undefined && isWritten) {
      writeFileSync(resolve(io.cwd, options.output), text, { flag: "wx" });
    }
    if (options.json) {
      printJson(io, { ok: isWritten, source, policy: document, report: findings });
    } else {
      for (const line of report(findings)) print(io.stderr, line);
    }
    if (!isWritten) return refuseStrict(io, options);
    if (options.output === undefined && !options.json) io.stdout.write(text);
    return 0;
  });

/** Says what a policy or the settings let a run do. 0 done, 1 strict and not all is held, 2 unusable. */
export const explain = (
  io: Io,
  file: string | undefined,
  options: ExplainOptions,
): Promise<number> =>
  guarded(io, options, () => {
    if (file !== undefined && options.settings !== undefined) {
      return sayNo(io, options, MISUSE, "name a policy file or --settings, not both");
    }
    const told = file === undefined ? tellSettings(io, options) : tellPolicy(io, file);
    const { source, lines, findings } = told;
    if (options.json)
      printJson(io, { ok: isHeld(options, findings), source, lines, report: findings });
    else {
      print(io.stdout, source);
      for (const line of lines) print(io.stdout, `  ${line}`);
    }
    return isHeld(options, findings) ? 0 : 1;
  });

interface Told {
  readonly source: string;
  readonly lines: readonly string[];
  readonly findings: readonly Finding[];
}

const tellPolicy = (io: Io, file: string): Told => {
  const source = resolve(io.cwd, file);
  const policy = loadPolicyFile(source);
  return { source, lines: explainPolicy(policy), findings: policy.findings };
};

const tellSettings = (io: Io, options: ExplainOptions): Told => {
  const { openshell, policy, source } = settingsOf(io, options);
  return { source, lines: explainSettings(openshell, policy), findings: policy?.findings ?? [] };
};

const settingsOf = (io: Io, { settings: path }: { readonly settings?: string | undefined }) => {
  const { settings, source } = lookAtSettings(io, path);
  const { openshell } = settings;
  const { policy_file } = openshell;
  const policy = policy_file === undefined ? undefined : loadPolicyFile(policy_file);
  return { openshell, policy, source };
};

const isHeld = ({ strict }: CommonOptions, findings: readonly Finding[]): boolean =>
  !strict || findings.every(({ status }) => status !== "unenforceable");

const refuseStrict = (io: Io, { json }: CommonOptions): number => {
  if (!json)
    print(io.stderr, "not all of it can be held, and --strict was given: nothing is written");
  return 1;
};

const ORDER: readonly Status[] = ["unenforceable", "approximated", "enforced", "exported"];

const report = (findings: readonly Finding[]): readonly string[] =>
  ORDER.flatMap((wanted) => {
    const lines = findings.filter(({ status }) => status === wanted);
    return lines.length === 0
      ? []
      : [`${wanted}:`, ...lines.map(({ path, why }) => `  ${path}: ${why}`)];
  });

/** Runs a verb; says what is wrong with a file that cannot be used. */
const guarded = async (io: Io, { json }: CommonOptions, verb: () => number): Promise<number> => {
  try {
    return verb();
  } catch (cause) {
    if (cause instanceof PolicyFileError) return refuse(io, json, "policy", cause);
    if (cause instanceof SettingsError) return refuse(io, json, "settings", cause);
    if (cause instanceof Error && "code" in cause && "path" in cause) {
      const code = String(cause.code);
      const why = UNWRITABLE.get(code) ?? code;
      return sayNo(io, { json }, MISUSE, `${cause.path} cannot be written: ${why}`);
    }
    throw cause;
  }
};

const UNWRITABLE: ReadonlyMap<string, string> = new Map([
  ["EEXIST", "is there already: remove it first"],
  ["ENOENT", "there is no such folder: make it first"],
  ["EACCES", "this user may not write there (EACCES)"],
]);

const refuse = (
  io: Io,
  json: boolean | undefined,
  what: string,
  { source, problems }: { readonly source: string; readonly problems: readonly Problem[] },
): number => {
  if (json) {
    printJson(io, { ok: false, source, problems });
    return 2;
  }
  print(io.stderr, `${what} not usable: ${source}`);
  for (const problem of problems) print(io.stderr, `  ${formatProblem(problem)}`);
  return 2;
};

const print = (stream: Io["stdout"], line: string): void => {
  stream.write(`${line}\n`);
};

const printJson = (io: Io, value: unknown): void =>
  print(io.stdout, JSON.stringify(value, null, 2));
