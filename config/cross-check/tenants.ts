import { type Draft, itemsOf, type Partially } from "../draft.ts";
import { formatPath, type SettingsPath } from "../problem.ts";
import type { Report } from "../report.ts";
import { suggest } from "../suggest.ts";
import { type Binding, bindingKey } from "../tenant.ts";
import { checkContacts } from "./contacts.ts";
import { createUniqueCheck } from "./unique.ts";

/** Tenants are told apart by id, and no two tenants claim the same people. */
export const checkTenants = (draft: Draft, report: Report): void => {
  const tenants = itemsOf(draft.multi_tenant?.tenants);
  if (draft.multi_tenant?.enabled === false && tenants.length > 0) {
    report.problem(
      ["multi_tenant", "enabled"],
      `false, with ${tenants.length} tenants listed`,
      "true, or no tenants",
    );
  }
  const sameId = createUniqueCheck(report, "tenant id");
  const claims = new Map<string, { readonly tenant: number; readonly path: SettingsPath }>();
  for (const [index, tenant] of tenants) {
    const at: SettingsPath = ["multi_tenant", "tenants", index];
    if (tenant.id !== undefined) sameId(tenant.id, [...at, "id"]);
    if ((tenant.bindings ?? []).length === 0) {
      report.warn(
        [...at, "bindings"],
        `nobody belongs to tenant ${tenant.id ?? index}: it has no bindings`,
      );
    }
    const sameSecret = createUniqueCheck(report, "secret");
    for (const [number, { name }] of itemsOf(tenant.secrets)) {
      if (name !== undefined) sameSecret(name, [...at, "secrets", number, "name"]);
    }
    for (const [number, binding] of itemsOf(tenant.bindings)) {
      const path = [...at, "bindings", number];
      if (!isWhole(binding)) continue;
      const key = bindingKey(binding);
      const first = claims.get(key);
      if (first === undefined) claims.set(key, { tenant: index, path });
      else if (first.tenant !== index) {
        report.problem(
          path,
          `the same binding as ${formatPath(first.path)}, of another tenant`,
          "a binding of one tenant only",
        );
      }
      checkWorkspace(draft, binding, path, report);
      checkParts(binding, path, report);
    }
    const sameAgent = createUniqueCheck(report, "agent name");
    for (const [number, agent] of itemsOf(tenant.agents)) {
      // As they are addressed: the case does not count there.
      if (agent.name !== undefined) {
        sameAgent(agent.name.toLowerCase(), [...at, "agents", number, "name"]);
      }
    }
    const count = (tenant.agents ?? []).length;
    if (tenant.max_agents !== undefined && count > tenant.max_agents) {
      report.problem(
        [...at, "agents"],
        `${count} agents`,
        `at most max_agents, ${tenant.max_agents}`,
      );
    }
    checkContacts(draft, tenant.contacts, [...at, "contacts"], report);
    checkLexicons(draft, tenant.lexicons, [...at, "lexicons"], report);
  }
};

// A qualifier that was wrong would make the binding look broader than it was meant to be.
const isWhole = (binding: Partially<Binding>): binding is Binding =>
  binding.channel !== undefined &&
  binding.workspace !== undefined &&
  Object.values(binding).every((value) => value !== undefined);

/** Where only these channels tell of a part, a binding of another that asks for it is met by nobody. */
const TOLD_BY = { department: "wechat_work", role: "discord" } as const;

const checkParts = (binding: Binding, path: SettingsPath, report: Report): void => {
  for (const part of ["department", "role"] as const) {
    if (binding[part] === undefined || binding.channel === TOLD_BY[part]) continue;
    report.warn(
      [...path, part],
      `nobody is met by this binding: ${TOLD_BY[part]} alone tells of a ${part}`,
    );
  }
};

const checkWorkspace = (
  draft: Draft,
  binding: Binding,
  path: SettingsPath,
  report: Report,
): void => {
  const channel = draft.channels?.[binding.channel];
  if (channel === undefined || channel.enabled === false) {
    report.warn([...path, "channel"], `channel ${binding.channel} is not switched on`);
    return;
  }
  if (binding.channel !== "wechat_work") return;
  const wecom = draft.channels?.wechat_work;
  const corps = [wecom?.corp_id, ...itemsOf(wecom?.apps).map(([, app]) => app.corp_id)];
  // Bots belong to corps that the settings do not name.
  if (!corps.includes(binding.workspace) && (wecom?.bots ?? []).length === 0) {
    report.warn([...path, "workspace"], "no app under channels.wechat_work has this corp_id");
  }
};

const checkLexicons = (
  draft: Draft,
  names: readonly (string | undefined)[] | undefined,
  path: SettingsPath,
  report: Report,
): void => {
  const known = itemsOf(draft.moderation?.lexicons).flatMap(([, { name }]) => name ?? []);
  for (const [index, name] of itemsOf(names)) {
    if (known.includes(name)) continue;
    const meant = suggest(name, known);
    report.problem(
      [...path, index],
      `${JSON.stringify(name)}, a lexicon that does not exist`,
      meant === undefined ? "a name under moderation.lexicons" : `${meant} (did you mean it?)`,
    );
  }
};
