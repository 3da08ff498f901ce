import { type ApiKey, createApiKeys, isKeyLabel } from "../core/operators/api-keys.ts";
import { isPermission, PERMISSIONS } from "../core/operators/permissions.ts";
import { apiKeyView } from "./api-key-view.ts";
import type { Io } from "./io.ts";
import { noTenant } from "./no-tenant.ts";
import { withStore } from "./operations.ts";
import { MISUSE, sayNo } from "./say-no.ts";
import { table } from "./table.ts";

export interface KeyOptions {
  readonly settings?: string | undefined;
  readonly json?: boolean | undefined;
  readonly tenant?: string | undefined;
}

export interface CreateOptions extends KeyOptions {
  readonly permission: readonly string[];
  readonly label: string;
  /** Milliseconds; absent = never. */
  readonly expiresIn?: number | undefined;
}

const WHO = "cli";

/** Makes a key and prints it. 0 made, 2 not with these options. */
export const create = async (io: Io, options: CreateOptions): Promise<number> => {
  const { permission, label, expiresIn, tenant, json } = options;
  const misuse = (message: string): number => sayNo(io, options, MISUSE, message);
  const unknown = permission.filter((name) => !isPermission(name));
  if (unknown.length > 0) {
    const known = Object.entries(PERMISSIONS).map(([name, text]) => `  ${name.padEnd(16)}${text}`);
    return misuse(`there is no permission ${unknown.join(", ")}; there are:\n${known.join("\n")}`);
  }
  if (!isKeyLabel(label)) {
    return misuse("--label must be one line of 1 to 100 characters, none of them invisible");
  }
  return withStore(io, options, async (operations) => {
    // Not one that has gone, nor the platform: a key is for what is served.
    const { tenants } = operations.settings.multi_tenant;
    if (tenant !== undefined && !tenants.some(({ id }) => id === tenant)) {
      return noTenant(io, options, operations, tenant);
    }
    const made = await createApiKeys(operations).create(
      { who: WHO },
      {
        tenantId: tenant,
        label,
        permissions: permission.filter(isPermission),
        expiresAt:
          expiresIn === undefined ? undefined : new Date(operations.now().getTime() + expiresIn),
      },
    );
    if (made.kind === "refused") return misuse(made.message);
    io.stdout.write(
      json
        ? `${JSON.stringify({ ...apiKeyView(made.key), key: made.text })}\n`
        : [
            `${made.text}\n`,
            `  ${about(made.key)}; ends with: clawgate key revoke ${made.key.id}\n`,
            "  shown this once, only a hash is stored; send it as `Authorization: Bearer <key>`\n",
          ].join(""),
    );
    return 0;
  });
};

/** Lists keys. 0 also when there are none. */
export const list = (io: Io, options: KeyOptions): Promise<number> =>
  withStore(io, options, async (operations) => {
    const { tenant, json } = options;
    const keys = await createApiKeys(operations).list({ who: WHO, tenantId: tenant });
    const views = keys.map(apiKeyView);
    if (json) io.stdout.write(`${JSON.stringify({ keys: views })}\n`);
    else if (views.length === 0) io.stdout.write("no keys; `clawgate key create` makes one\n");
    else {
      io.stdout.write(
        table([
          ["ID", "TENANT", "LABEL", "PERMISSIONS", "CREATED", "EXPIRES", "REVOKED"],
          ...views.map((key) => [
            key.id,
            key.tenant ?? "(all)",
            key.label,
            key.permissions.join(" "),
            key.created_at,
            key.expires_at ?? "never",
            key.revoked_at ?? "-",
          ]),
        ]),
      );
    }
    return 0;
  });

/** Ends a key. 0 it is revoked, 1 there is none, 2 not an id. */
export const revoke = async (io: Io, options: KeyOptions, id: string): Promise<number> => {
  const { tenant, json } = options;
  // Not repeated, nor put on record: it may be a whole key.
  if (!/^[0-9a-f]{16}$/.test(id)) {
    const problem = "that is not the id of a key: 16 hex digits, from `clawgate key list`";
    return sayNo(io, options, MISUSE, problem);
  }
  return withStore(io, options, async (operations) => {
    const key = await createApiKeys(operations).revoke({ who: WHO, tenantId: tenant }, id);
    if (!key) {
      const problem = `there is no key ${id}; \`clawgate key list\` shows all`;
      return sayNo(io, options, "NOT_FOUND", problem);
    }
    io.stdout.write(
      json ? `${JSON.stringify({ ok: true, key: apiKeyView(key) })}\n` : `key ${id} is revoked\n`,
    );
    return 0;
  });
};

const about = ({ tenantId, permissions, expiresAt }: ApiKey): string =>
  [
    tenantId === undefined ? "for all tenants" : `for tenant ${tenantId}`,
    `may ${permissions.join(", ")}`,
    expiresAt ? `until ${expiresAt.toISOString()}` : "until it is revoked",
  ].join(", ");
