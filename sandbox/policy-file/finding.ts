import { formatPath, type SettingsPath } from "../../config/problem.ts";

/**
 * What becomes of one key.
 * - `enforced`: this sandbox holds it as it is written.
 * - `approximated`: held in another way, which never grants more than is written.
 * - `exported`: it limits nothing here; the policy keeps it, and an export says it again.
 * - `unenforceable`: a limit that is not held, or a grant that is not given; the sentence says which.
 */
export type Status = "enforced" | "approximated" | "exported" | "unenforceable";

/** What becomes of one key of a policy or of our settings, with the reason in a sentence. */
export interface Finding {
  readonly path: string;
  readonly status: Status;
  readonly why: string;
}

/** Takes down what becomes of a key. */
export type Note = (path: SettingsPath, status: Status, why: string) => void;

/** An empty list of findings and the function that fills it. */
export const createFindings = (): { readonly findings: Finding[]; readonly note: Note } => {
  const findings: Finding[] = [];
  return {
    findings,
    note: (path, status, why) => {
      findings.push({ path: formatPath(path), status, why });
    },
  };
};
