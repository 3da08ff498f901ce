import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { customerEnvironment as env } from "./environment.ts";
import { load, problemsOf } from "./workspace.ts";

const fixture = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../fixtures/settings", name), "utf8");

const BLOCKS = ["channels", "enterprise", "monitoring", "multi_tenant", "openshell"];
type Json = { [key: string]: unknown } | unknown[];

const example = (): Record<string, unknown> => JSON.parse(fixture("full-example.json"));
const secretFile = { "secrets/openclaw-token": "claw-token-value\n" };

describe("the customer's settings", () => {
  it.each(BLOCKS)("loads %s.json alone and unchanged", (name) => {
    expect(load(fixture(`${name}.json`), env).source).toMatch(/settings\.json$/);
  });

  it("loads all blocks together", () => {
    const merged = Object.assign({}, ...BLOCKS.map((name) => JSON.parse(fixture(`${name}.json`))));
    const { settings } = load(merged, env);
    expect(settings.channels.wechat_work?.corp_id).toBe("wwcorp");
    expect(settings.openshell.execution.max_cpu_seconds).toBe(300);
    expect(settings.multi_tenant.tenants.map(({ id }) => id)).toEqual(["marketing", "engineering"]);
  });

  it("loads full-example.json", () => {
    const { settings, providers, warnings } = load(fixture("full-example.json"), env, secretFile);
    expect(providers.get("claws")?.apiKey).toBe("claw-token-value");
    expect(settings.channels.wechat_work?.previous).toEqual([]);
    expect(warnings.filter((warning) => warning.includes("openclaw-token"))).toEqual([]);
  });

  it("loads full-example.json without the key file of a provider, and says so", () => {
    const { providers, warnings } = load(fixture("full-example.json"), env);
    expect(providers.get("claws")).toMatchObject({ needsKey: true });
    expect(providers.get("claws")?.apiKey).toBeUndefined();
    expect(warnings).toContainEqual(
      expect.stringMatching(
        /^models\.providers\.claws\.api_key: file .*openclaw-token does not exist/,
      ),
    );
  });

  it("lists what full-example.json says and this version does not enforce", () => {
    const { notEnforced } = load(fixture("full-example.json"), env, secretFile);
    expect(notEnforced).toEqual(
      expect.arrayContaining([
        "multi_tenant.tenants[0].llm_config.transcription",
        "multi_tenant.tenants[0].llm_config.cache",
        "openshell.audit.export_to",
        "enterprise.rbac.role_bindings[2].groups",
        "enterprise.encryption.at_rest.key_management",
        "monitoring.alerting",
      ]),
    );
    for (const enforced of [
      "server",
      "storage.url",
      "storage.key_file",
      "queue.redis_url",
      "enterprise.encryption.at_rest.enabled",
      "channels.wechat_work.apps",
      "channels.slack",
      "channels.discord",
      "skills.folders",
      "moderation",
      "monitoring.metrics",
      "multi_tenant.isolation_level",
      "multi_tenant.tenants[0].skill_policy",
      "enterprise.data_loss_prevention",
      "multi_tenant.tenants[0].lexicons",
      "multi_tenant.tenants[0].moderation",
    ]) {
      expect(notEnforced.filter((path) => path.startsWith(enforced))).toEqual([]);
    }
  });
});

// Keys that the object around them cannot do without: for these, removal must be a clear error.
const REQUIRED = [
  /^server\.tls\.(cert_file|key_file)$/,
  /^channels\.wechat_work\.(corp_id|agent_id|secret|token|encoding_aes_key)$/,
  /^channels\.wechat_work\.previous\[0\]\.\w+$/,
  /^channels\.wechat_work\.apps\[0\]\.(corp_id|agent_id|secret|token|encoding_aes_key|webhook_path)$/,
  /^channels\.wechat_work\.bots\[0\]\.(id|token|encoding_aes_key)$/,
  /^channels\.wechat_work\.bots\[1\]\.(bot_id|secret)$/,
  /^channels\.slack\.workspaces\[0\]\.\w+$/,
  /^multi_tenant\.tenants\[\d\]\.(id|llm_config\.(provider|model))$/,
  /\.(light|sensitive|transcription|fallback\[0\])\.(provider|model)$/,
  /\.cache\.ttl_seconds$|\.consent\.required$|\.skill_policy\.max_risk$/,
  /^multi_tenant\.tenants\[\d\]\.moderation\.required$/,
  /\.bindings\[\d\]\.(channel|workspace)$/,
  /\.agents\[\d\]\.name$/,
  /^models\.(providers\.(nemotron|claws)\.kind|prices\[\d\]\.\w+)$/,
  /^moderation\.(lexicons|classifiers)\[0\]\.\w+$/,
  /^enterprise\.rbac\.roles\[\d\]\.\w+$/,
  /^enterprise\.rbac\.role_bindings\[\d\]\.role$/,
  /^enterprise\.data_loss_prevention\.rules\[\d\]\.(name|pattern|action)$/,
  /\.custom_metrics\[\d\]\.(name|type)$/,
  /^monitoring\.alerting\.rules\[\d\]\.(name|condition)$/,
];

// Removing these leaves a name that nothing bears any more.
const REFERENCED = [
  "models",
  "models.providers",
  "models.providers.nemotron",
  "models.providers.claws",
  "moderation",
  "moderation.lexicons",
  "moderation.lexicons[0]",
  "enterprise.rbac.roles[0]",
  "enterprise.rbac.roles[1]",
  "enterprise.rbac.roles[3]",
];

interface Removal {
  readonly path: string;
  remove(root: Json): void;
}

const removals = (value: unknown, path = "", reach = (root: Json): unknown => root): Removal[] => {
  if (typeof value !== "object" || value === null) return [];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return keys.flatMap((key) => {
    const at = typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    const child = Reflect.get(value, key);
    const remove = (root: Json) => {
      const parent = reach(root);
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else Reflect.deleteProperty(Object(parent), key);
    };
    return [
      { path: at, remove },
      ...removals(child, at, (root) => Reflect.get(Object(reach(root)), key)),
    ];
  });
};

describe("subsets of full-example.json", () => {
  const all = removals(example());
  const loads = ({ path }: Removal) =>
    !REQUIRED.some((pattern) => pattern.test(path)) && !REFERENCED.includes(path);

  it("load without any one key that is not required", () => {
    const failed = all.filter(loads).flatMap(({ path, remove }) => {
      const settings = example();
      remove(settings);
      const problems = problemsOf(settings, env, secretFile);
      return problems.length > 0 ? [{ path, problems }] : [];
    });
    expect(failed).toEqual([]);
    expect(all.filter(loads).length).toBeGreaterThan(200);
  });

  it("are refused without a key that is required or referred to", () => {
    const unnoticed = all
      .filter((removal) => !loads(removal))
      .flatMap(({ path, remove }) => {
        const settings = example();
        remove(settings);
        return problemsOf(settings, env, secretFile).length === 0 ? [path] : [];
      });
    expect(unnoticed).toEqual([]);
  });
});
