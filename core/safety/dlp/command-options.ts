import { assignedValue, isPassword } from "./assignments.ts";
import type { Detected } from "./finding.ts";

// Every match of VALUE has this, so it tells the same of a text and of its pieces.
const OPTION = /-[pu-]/i;
// `curl -u name:…`, `sshpass -p …`, `--db-password …`, `mysql -p…`.
const VALUE =
  /(?<![\w-])(?:(?:-u|--user)[ =]["']?[\w.@\\-]{1,64}:|sshpass\s{1,2}-p\s?["']?|--[\w-]{0,24}(?:password|passwd|token|secret|api-?key)\s{1,3}["']?|mysql(?:dump|admin)?\s[^\n]{0,80}?\s-p["']?)([!-~]{6,512})/gi;

/** Passwords that a command line takes as options, in a folded text. */
export const findOptionValues = (text: string): Detected[] => {
  if (!OPTION.test(text)) return [];
  const findings: Detected[] = [];
  for (const match of text.matchAll(VALUE)) {
    const [whole, raw = ""] = match;
    const value = assignedValue(raw, "");
    if (!isPassword(value, false)) continue;
    const start = match.index + whole.length - raw.length;
    findings.push({ type: "secret", start, end: start + value.length });
  }
  return findings;
};
