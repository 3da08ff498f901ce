import { formatPath } from "./problem.ts";
import type { Settings } from "./schema.ts";
import { type Binding, bindingKey } from "./tenant.ts";

/** Somebody as far as an operator described them; what is absent was not told. */
export interface Described {
  readonly channel: string;
  readonly workspaceId: string;
  readonly conversationId?: string | undefined;
  /** All of them. */
  readonly roles?: readonly string[] | undefined;
  readonly departments?: readonly string[] | undefined;
}

/** What a binding can ask for beyond its workspace, most specific first. */
export const BINDING_PARTS = ["conversation", "role", "department"] as const;

export type BindingPart = (typeof BINDING_PARTS)[number];

/** How one binding looks at somebody. */
export interface BindingLook {
  readonly tenantId: string;
  /** Its place, e.g. `multi_tenant.tenants[0].bindings[1]`. */
  readonly path: string;
  /** What it asks for beyond the workspace; empty = anybody there. */
  readonly asks: Readonly<Partial<Record<BindingPart, string>>>;
  /** Higher wins; equal ones of two tenants are ambiguous. */
  readonly rank: number;
  readonly outcome: "matches" | "differs" | "not_told";
  /** Which of what it asks for keeps it from matching. */
  readonly because: readonly BindingPart[];
}

/** Every binding of somebody's workspace, most specific first. Explains; the tenant index decides. */
export const explainBindings = (settings: Settings, who: Described): readonly BindingLook[] =>
  settings.multi_tenant.tenants
    .flatMap(({ id, bindings }, tenant) =>
      bindings
        .map((binding, at) => ({ id, binding, path: [tenant, "bindings", at] }))
        .filter(({ binding }) => isThere(binding, who)),
    )
    .map(({ id, binding, path }) => ({
      tenantId: id,
      path: formatPath(["multi_tenant", "tenants", ...path]),
      ...look(binding, who),
    }))
    .sort((one, other) => other.rank - one.rank);

const isThere = ({ channel, workspace }: Binding, who: Described): boolean =>
  channel === who.channel && workspace === who.workspaceId;

const look = (binding: Binding, who: Described) => {
  const asked = BINDING_PARTS.filter((part) => binding[part] !== undefined);
  const asks = Object.fromEntries(asked.map((part) => [part, binding[part]]));
  const differing = asked.filter((part) => toldOf(who, part)?.every(isOther(binding, part)));
  const untold = asked.filter((part) => toldOf(who, part) === undefined);
  const rank = asked.reduce((sum, part) => sum + RANKS[part], 0);
  if (differing.length > 0) return { asks, rank, outcome: "differs", because: differing } as const;
  const outcome = untold.length > 0 ? "not_told" : "matches";
  return { asks, rank, outcome, because: untold } as const;
};

// A binding that asks for a conversation beats all that ask for none, and so on.
const RANKS: Readonly<Record<BindingPart, number>> = { conversation: 4, role: 2, department: 1 };

const toldOf = (who: Described, part: BindingPart): readonly string[] | undefined => {
  if (part === "role") return who.roles;
  if (part === "department") return who.departments;
  return who.conversationId === undefined ? undefined : [who.conversationId];
};

/** As bindings are compared: with the case folded where the platform ignores it. */
const isOther = (binding: Binding, part: BindingPart) => {
  const { channel, workspace } = binding;
  const wanted = bindingKey({ channel, workspace, [part]: binding[part] });
  return (value: string) => bindingKey({ channel, workspace, [part]: value }) !== wanted;
};
