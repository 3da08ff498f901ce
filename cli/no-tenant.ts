import type { LoadedSettings } from "../config/load.ts";
import type { Io } from "./io.ts";

/** Says that the settings have no such tenant, and which they have; the exit code. */
export const noTenant = (
  io: Io,
  { json }: { readonly json?: boolean | undefined },
  { source, settings }: LoadedSettings,
  id: string,
): number => {
  const known = settings.multi_tenant.tenants.map((tenant) => tenant.id).join(", ") || "none";
  const message = `${source} has no tenant ${JSON.stringify(id)}; it has: ${known}`;
  if (json) {
    const error = { code: "NOT_FOUND", message };
    io.stdout.write(`${JSON.stringify({ ok: false, error })}\n`);
  } else io.stderr.write(`clawgate: ${message}\n`);
  return 1;
};
