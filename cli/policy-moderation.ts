import { resolve } from "node:path";
import { LexiconError } from "../core/safety/moderation/lexicon.ts";
import { createLexiconLoader } from "../core/safety/moderation/load-lexicon.ts";
import { createModeration, type Moderation } from "../core/safety/moderation/moderation.ts";
import type { Io } from "./io.ts";
import { answerLines } from "./json-lines.ts";
import { lookAtSettings } from "./look-at-settings.ts";
import { MISUSE, sayNo } from "./say-no.ts";

/** Options of `policy moderation`. */
export interface ModerationOptions {
  readonly lexicon?: string | undefined;
  readonly settings?: string | undefined;
  readonly tenant?: string | undefined;
}

/**
 * Says of each line of input what its terms make of it. 0 all lines were read, 2 misuse, a lexicon
 * that cannot be used, or a line that could not be read; the others are answered nevertheless.
 */
export const moderateLines = async (
  io: Io,
  options: ModerationOptions,
  input: AsyncIterable<Buffer | string>,
): Promise<number> => {
  const files = lexiconFiles(io, options);
  if (typeof files === "string") return sayNo(io, {}, MISUSE, files);
  let moderation: Moderation;
  try {
    moderation = createModeration(files.map(createLexiconLoader()));
  } catch (cause) {
    if (cause instanceof LexiconError) return sayNo(io, {}, MISUSE, cause.message);
    throw cause;
  }
  return answerLines(io, input, (text) => {
    const { action, hits } = moderation.inspect(text);
    return { action, hits: [...new Set(hits.map(({ id }) => id))] };
  });
};

/** The files to read, or why there are none. */
const lexiconFiles = (io: Io, options: ModerationOptions): readonly string[] | string => {
  if (options.lexicon !== undefined) return [resolve(io.cwd, options.lexicon)];
  if (options.settings === undefined) {
    return "policy moderation: no terms to look for; give --lexicon FILE, or --settings FILE of a tenant with lexicons";
  }
  const { settings, source } = lookAtSettings(io, options.settings);
  const tenants = settings.multi_tenant.tenants;
  const only = options.tenant === undefined && tenants.length === 1;
  const tenant = only ? tenants[0] : tenants.find(({ id }) => id === options.tenant);
  const known = tenants.map(({ id }) => id).join(", ") || "none";
  if (!tenant) {
    return options.tenant === undefined
      ? `policy moderation: say which tenant with --tenant ID; ${source} has: ${known}`
      : `policy moderation: no tenant ${JSON.stringify(options.tenant)}; ${source} has: ${known}`;
  }
  const names = new Set(tenant.lexicons ?? []);
  const files = (settings.moderation?.lexicons ?? [])
    .filter(({ name }) => names.has(name))
    .map(({ file }) => file);
  if (files.length > 0) return files;
  return `policy moderation: tenant ${tenant.id} has no lexicons; name some under its "lexicons", or give --lexicon FILE`;
};
