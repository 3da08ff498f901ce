import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GatewaySettings } from "../../../sandbox/policy.ts";

/** What can be wrong with a gateway; see openshell.mjs. */
export interface OpenshellFaults {
  readonly gatewayDown?: boolean;
  readonly delayMs?: number;
  readonly partialOutputBytes?: number;
  readonly exitCode?: number;
  readonly policyTimesOut?: boolean;
}

// A sandbox on another machine inherits nothing; one that is played here would, from the test runner.
const CLOSE_ALL =
  'for d in /proc/self/fd/*; do n=$(basename "$d"); [ "$n" -gt 2 ] && [ "$n" -lt 255 ] && eval "exec $n>&-"; done';

/** What the gateway knows of a sandbox; kept as meta.json in its folder. */
export interface FakeSandbox {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** YAML. */
  readonly policy: string;
}

/** A program that plays the OpenShell CLI and its gateway. */
export interface FakeOpenshell {
  /** Settings that name it, and where its state lies. */
  readonly options: { readonly gateway: GatewaySettings; readonly openshellHome: string };
  setFaults(faults: OpenshellFaults): void;
  /** The command lines that it was called with, oldest first. */
  calls(): readonly (readonly string[])[];
  /** The gateways that it was to speak to, each once. */
  gateways(): readonly string[];
  /** The sandboxes that are there. */
  sandboxes(): readonly FakeSandbox[];
  /** Where the gateway keeps a sandbox. */
  folderOf(name: string): string;
}

/** Puts it into the folder; root is needed, since its sandboxes run as a user of their own. */
export const installFakeOpenshell = (folder: string): FakeOpenshell => {
  const program = join(folder, "openshell");
  const state = join(folder, ".config/openshell");
  mkdirSync(join(state, "sandboxes"), { recursive: true });
  chmodSync(folder, 0o711);
  const script = join(import.meta.dirname, "openshell.mjs");
  writeFileSync(
    program,
    `#!/bin/bash\n${CLOSE_ALL}\nexec '${process.execPath}' '${script}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  return {
    options: {
      gateway: { program, image: "registry.example.com/clawgate-sandbox:1" },
      openshellHome: folder,
    },
    setFaults: (faults) => writeFileSync(join(state, "faults.json"), JSON.stringify(faults)),
    calls: () =>
      readFileSync(join(state, "calls.log"), "utf8")
        .trim()
        .split("\n")
        .map((line): readonly string[] => JSON.parse(line)),
    gateways: () => [
      ...new Set(readFileSync(join(state, "gateways.log"), "utf8").trim().split("\n")),
    ],
    sandboxes: () =>
      readdirSync(join(state, "sandboxes")).map((name) =>
        JSON.parse(readFileSync(join(state, "sandboxes", name, "meta.json"), "utf8")),
      ),
    folderOf: (name) => join(state, "sandboxes", name),
  };
};
