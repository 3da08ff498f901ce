import type { SettingsPath } from "../../config/problem.ts";
import type { RequestRule } from "../egress/rules.ts";
import type { Endpoint, RequestMatcher } from "./document.ts";
import type { Note } from "./finding.ts";

/** Fits no request: none has an empty method or path. */
export const NO_REQUEST: RequestRule = { method: "", path: "", query: {} };

const PRESETS: Readonly<Record<NonNullable<Endpoint["access"]>, readonly string[]>> = {
  full: ["*"],
  "read-only": ["GET", "HEAD", "OPTIONS"],
  "read-write": ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"],
};

/** What a REST endpoint lets through; never empty, because an empty list would let everything pass. */
export const allowOf = (
  endpoint: Endpoint,
  path: SettingsPath,
  note: Note,
): readonly RequestRule[] => {
  const scope = scopeOf(endpoint.path);
  if (scope === undefined) return [NO_REQUEST];
  if (scope === "" && endpoint.path !== undefined) {
    note([...path, "path"], "enforced", "Stands for every path.");
  } else if (scope !== "") {
    note(
      [...path, "path"],
      "approximated",
      "Only requests below this path are let through; OpenShell also takes the path itself.",
    );
  }
  if (endpoint.access !== undefined) {
    note([...path, "access"], "enforced", `The proxy lets through: ${endpoint.access}.`);
    const glob = scope === "" ? "**" : `${scope}/**`;
    return PRESETS[endpoint.access].map((method) => ({ method, path: glob, query: {} }));
  }
  const allowed = (endpoint.rules ?? []).flatMap(({ allow }, index) =>
    allowRule(allow, scope, [...path, "rules", index], note),
  );
  return allowed.length > 0 ? allowed : [NO_REQUEST];
};

/** The folder that `/v1/**` chooses, "" for every path; undefined when our rules cannot say it. */
export const scopeOf = (selector: string | undefined): string | undefined => {
  if (selector === undefined || selector === "**" || selector === "/**") return "";
  const folder = selector.endsWith("/**") ? selector.slice(0, -3) : "*";
  return /[*?[\]{}\\]/.test(folder) ? undefined : folder;
};

// What OpenShell's globs know and our proxy's do not.
const FOREIGN = /[[\]{}\\]/;

const allowRule = (
  { method = "*", path: glob = "**", query = {} }: RequestMatcher,
  scope: string,
  path: SettingsPath,
  note: Note,
): readonly RequestRule[] => {
  const nothing = (why: string) => {
    note(path, "unenforceable", `${why}, so the rule lets no request through here.`);
    return [];
  };
  const queries = Object.entries(query).map(([name, matcher]) => [name, globsOf(matcher)] as const);
  if ([glob, ...queries.flatMap(([, globs]) => globs)].some((each) => FOREIGN.test(each))) {
    return nothing("Classes, alternatives and escapes in globs are not known to the proxy");
  }
  if (!glob.startsWith("/") && glob !== "**") return nothing("No path begins without a slash");
  if (scope !== "" && glob !== "**" && !glob.startsWith(`${scope}/`)) {
    return nothing(`The path is not below ${scope}, which the endpoint is about`);
  }
  const narrow = scope !== "" && glob === "**" ? `${scope}/**` : glob;
  const wide = queries.some(([, globs]) =>
    globs.some((each) => /\*|\?/.test(wholeSegments(each, "."))),
  );
  note(
    path,
    wide ? "unenforceable" : "enforced",
    wide
      ? "Wildcards in a query's value also stand for dots here, so a few more values fit."
      : "The proxy lets such requests through.",
  );
  return [
    {
      method: method.toUpperCase(),
      path: onlyWholeSegments(narrow, "/"),
      query: Object.fromEntries(queries),
    },
  ];
};

/** Without what stands for dots in both. */
const wholeSegments = (glob: string, separator: string): string =>
  onlyWholeSegments(glob, separator)
    .split(separator)
    .filter((segment) => segment !== "**")
    .join(separator);

/** OpenShell takes a double star that has company in its segment for a single one. */
const onlyWholeSegments = (glob: string, separator: string): string =>
  glob
    .split(separator)
    .map((segment) => (segment === "**" ? segment : segment.replace(/\*+/g, "*")))
    .join(separator);

/** What a REST endpoint refuses, whatever lets it through. */
export const denyOf = (
  { deny_rules = [] }: Endpoint,
  path: SettingsPath,
  note: Note,
): readonly RequestRule[] =>
  deny_rules.map(({ method = "*", path: glob = "**", query = {} }, index) => {
    const queries = Object.entries(query).map(
      ([name, matcher]) => [name, globsOf(matcher).map(widen)] as const,
    );
    const isWider = [glob, ...Object.values(query).flatMap(globsOf)].some((each) =>
      FOREIGN.test(each),
    );
    note(
      [...path, "deny_rules", index],
      isWider ? "approximated" : "enforced",
      isWider
        ? "Classes, alternatives and escapes in globs are not known to the proxy: it refuses everything that begins as this does."
        : "The proxy refuses such requests, whatever allows them.",
    );
    return {
      method: method.toUpperCase(),
      path: onlyWholeSegments(widen(glob), "/"),
      query: Object.fromEntries(queries),
    };
  });

/** A glob of ours that fits at least what this one fits: cut where it says what ours cannot. */
const widen = (glob: string): string => {
  const at = glob.search(FOREIGN);
  if (at < 0) return glob;
  // A double star counts only as a whole segment, so the segment is given up as well.
  return `${glob.slice(0, glob.lastIndexOf("/", at) + 1)}**`;
};

const globsOf = (matcher: string | { readonly any: readonly string[] }): readonly string[] =>
  typeof matcher === "string" ? [matcher] : matcher.any;
