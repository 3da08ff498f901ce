import type { Io } from "./io.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { noTenant } from "./no-tenant.ts";
import { policyFacts } from "./policy-facts.ts";
import { policyWords } from "./policy-words.ts";
import { sections } from "./sections.ts";

/** Options of `policy explain`. */
export interface ExplainOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Says what a tenant allows, in plain words. 0 said, 1 there is no such tenant. */
export const explainPolicy = (io: Io, id: string, options: ExplainOptions): number => {
  const loaded = lookAtSettings(io, options.settings);
  const facts = policyFacts(loaded, id);
  if (!facts) return noTenant(io, options, loaded, id);
  io.stdout.write(
    options.json ? `${JSON.stringify(facts, null, 2)}\n` : sections(policyWords(facts)),
  );
  return 0;
};
