import type { LoadedSettings } from "../config/load.ts";
import type { Io } from "./io.ts";
import { type Readable, sayNo } from "./say-no.ts";

/** Says that the settings have no such tenant, and which they have; the exit code. */
export const noTenant = (
  io: Io,
  options: Readable,
  { source, settings }: Pick<LoadedSettings, "source" | "settings">,
  id: string,
): number => {
  const known = settings.multi_tenant.tenants.map((tenant) => tenant.id).join(", ") || "none";
  const message = `${source} has no tenant ${JSON.stringify(id)}; it has: ${known}`;
  return sayNo(io, options, "NOT_FOUND", message);
};
