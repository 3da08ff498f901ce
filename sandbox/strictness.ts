import type { OpenshellSettings } from "./policy.ts";

// A thinner record lets no job do what it was not to: it is told, not refused.
const TOLD_ONLY = "openshell.audit";

/** Of the paths that an engine cannot hold, those that these settings ask for. */
export const askedInVain = (
  settings: OpenshellSettings,
  unenforced: readonly string[],
): readonly string[] => unenforced.filter((path) => isAsked(settings, path));

/** Why strict settings refuse an engine; undefined when it holds all that they ask for. */
export const strictProblem = (
  settings: OpenshellSettings,
  unenforced: readonly string[],
): string | undefined => {
  if (!settings.strict) return undefined;
  const missing = askedInVain(settings, unenforced).filter(
    (path) => path !== TOLD_ONLY && !path.startsWith(`${TOLD_ONLY}.`),
  );
  if (missing.length === 0) return undefined;
  return `cannot hold ${missing.join(", ")} here; choose another engine, or accept that with openshell.strict false`;
};

/** `openshell.a.b` asks for something unless it is absent, false or empty, or the network is off. */
const isAsked = (settings: OpenshellSettings, path: string): boolean => {
  const [root, ...keys] = path.split(".");
  if (root !== "openshell") return true; // not a path of ours: unknown means yes, it matters
  if (keys[0] === "network" && settings.network.mode === "off") return false;
  let value: unknown = settings;
  for (const key of keys) {
    value = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  }
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== false && value !== "off";
};
