import { SandboxError } from "../../errors.ts";

/** A sandbox as OpenShell lists it. */
export interface Listed {
  readonly name: string;
  readonly phase: string;
  readonly labels: Readonly<Record<string, unknown>>;
}

/**
 * What `openshell sandbox list -o json` answered; throws SandboxError when it is no list.
 * `[{ "name": "cg-…", "phase": "Ready", "labels": { … }, … }]`; "No sandboxes found." is not JSON.
 */
export const parseList = (text: string): readonly Listed[] => {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    if (text.trim() === "No sandboxes found." || text.trim() === "") return [];
    throw new SandboxError("openshell sandbox list did not answer with JSON", { cause });
  }
  if (!Array.isArray(list)) throw new SandboxError("openshell sandbox list answered with no list");
  return list.flatMap((entry: unknown): Listed[] => {
    if (typeof entry !== "object" || entry === null) return [];
    const { name, phase, labels } = { ...entry } as Record<string, unknown>;
    if (typeof name !== "string" || typeof phase !== "string") return [];
    return [{ name, phase, labels: typeof labels === "object" ? { ...labels } : {} }];
  });
};
