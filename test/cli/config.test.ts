import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { registerConfig } from "../../cli/config.ts";
import { customerEnvironment } from "../config/environment.ts";
import { createWorkspace } from "../config/workspace.ts";
import { createIo } from "./captured-io.ts";

const EXAMPLE = readFileSync(
  join(import.meta.dirname, "../fixtures/settings/full-example.json"),
  "utf8",
);

/** Runs `clawgate config …` in a folder that holds these files. */
const run = async (
  words: readonly string[],
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
) => {
  const cwd = createWorkspace(files);
  const { io, out, err } = createIo(cwd, env);
  const codes: number[] = [];
  const program = new Command().exitOverride();
  registerConfig(program, io, (code) => codes.push(code));
  await program.parseAsync(["config", ...words], { from: "user" });
  return { cwd, codes, out: out(), err: err() };
};

describe("config check", () => {
  it("says that the settings are good, with warnings and what has no effect yet", async () => {
    const { cwd, codes, out, err } = await run(["check"], {
      "settings.json":
        '{"multi_tenant": {"tenants": [{"id": "a", "llm_config": {"provider": "rules", "cache": {"ttl_seconds": 1}}}]}}',
    });
    expect(codes).toEqual([0]);
    expect(err).toBe("");
    expect(out.split("\n")).toEqual([
      `settings ok: ${cwd}/settings.json`,
      "  warning: multi_tenant.tenants[0].bindings: nobody belongs to tenant a: it has no bindings",
      "  not enforced yet: multi_tenant.tenants[0].llm_config.cache",
      "",
    ]);
  });

  it.each([
    [true, "are all refused (MODERATION_UNAVAILABLE)"],
    [false, "pass without its judgement"],
  ])(
    "warns of a classifier that a tenant may never ask, also without a lexicon (required: %s)",
    async (required, becomes) => {
      const { codes, out } = await run(["check"], {
        "settings.json": JSON.stringify({
          multi_tenant: {
            tenants: [{ id: "a", llm_config: { provider: "rules", data_residency: "on-prem" } }],
          },
          models: { providers: { openai: { api_key: "k" } } },
          moderation: {
            required,
            classifiers: [{ kind: "openai", provider: "openai", model: "omni-moderation-latest" }],
          },
        }),
      });
      expect(codes).toEqual([0]);
      expect(out).toContain(
        `tenant a (data_residency on-prem) may never ask the classifier openai omni-moderation-latest (overseas): its messages ${becomes}`,
      );
    },
  );

  it("exits 2 with every problem on stderr", async () => {
    const { cwd, codes, out, err } = await run(["check", "--settings", "x.json"], {
      "x.json": '{\n"server": {"prot": 1},\n"queue": 5}',
    });
    expect(codes).toEqual([2]);
    expect(out).toBe("");
    expect(err.split("\n")).toEqual([
      `settings not usable: ${cwd}/x.json`,
      "  line 2: server.prot: found an unknown key, expected port (did you mean it?)",
      "  line 3: queue: found 5, expected object",
      "",
    ]);
  });

  it.each([
    [{ host: "0.0.0.0" }, /start refuses with these: server.host is 0.0.0.0/],
    [{ tls: { cert_file: "a.crt", key_file: "a.key" } }, /start refuses .*a.crt cannot be read/],
  ])("warns of what start refuses: %j", async (server, warning) => {
    const { codes, out } = await run(["check"], { "settings.json": JSON.stringify({ server }) });
    expect(codes).toEqual([0]);
    expect(out).toMatch(warning);
  });

  it("names a skill that is left out, and one that a tenant names and nobody has", async () => {
    const tenants = [{ id: "sales", allowed_skills: ["calculater"] }];
    const { out } = await run(["check"], {
      "settings.json": JSON.stringify({ skills: { folders: ["own"] }, multi_tenant: { tenants } }),
      "own/quick/SKILL.md": "---\nname: slow\ndescription: x\n---\n",
    });
    expect(out).toMatch(/skill \S+quick is left out: .*\n.*name: found "slow"/);
    expect(out).toContain("tenant sales names the skill calculater, which does not exist");
  });

  it("answers in JSON, good or bad", async () => {
    const good = await run(["check", "--json"], {
      "settings.json": '{"monitoring": {"alerting": {}}}',
    });
    expect(JSON.parse(good.out)).toEqual({
      ok: true,
      source: `${good.cwd}/settings.json`,
      problems: [],
      warnings: [],
      not_enforced: ["monitoring.alerting"],
    });
    const bad = await run(["check", "--json"], { "settings.json": "{" });
    expect(bad.codes).toEqual([2]);
    expect(JSON.parse(bad.out)).toMatchObject({
      ok: false,
      problems: [{ path: "settings", expected: 'a "}" for each "{"', line: 1 }],
    });
  });

  it("looks at the demo without making its secrets", async () => {
    const { cwd, codes, out } = await run(["check"], {});
    expect(codes).toEqual([0]);
    expect(out).toMatch(/^settings ok: built-in demo\n/);
    expect(existsSync(join(cwd, "data"))).toBe(false);
  });
});

describe("config show", () => {
  const secretOf = ([name, value]: readonly [string, string]) =>
    !/CORP_ID|AGENT_ID|CLIENT_ID|PUBLIC_KEY/.test(name) && value;

  it("shows no secret of full-example.json, nor the password of a URL", async () => {
    const example = {
      ...JSON.parse(EXAMPLE),
      storage: { url: "postgres://app:pg-password@db/claw?password=pg-query" },
    };
    example.queue = { redis_url: "redis://:redis-password@h:6379/0" };
    const files = {
      "settings.json": JSON.stringify(example),
      "secrets/openclaw-token": "claw-token",
    };
    const { codes, out } = await run(["show"], files, customerEnvironment);
    expect(codes).toEqual([0]);
    const secrets = Object.entries(customerEnvironment).flatMap((entry) => secretOf(entry) || []);
    for (const secret of [...secrets, "claw-token", "pg-password", "pg-query", "redis-password"]) {
      expect(out).not.toContain(`"${secret}`);
      expect(out).not.toContain(`:${secret}`);
      expect(out).not.toContain(`=${secret}`);
    }
    expect(out).toContain('"corp_id": "wwcorp"');
    expect(out).toContain('"secret": "********"');
    expect(out).toContain("postgres://app:********@db/claw");
  });

  it("shows defaults, and with --json nothing but JSON", async () => {
    const { out } = await run(["show", "--json"], { "settings.json": "{}" });
    expect(JSON.parse(out)).toMatchObject({
      server: { port: 18789 },
      openshell: { isolation: "gvisor" },
    });
  });

  it("exits 2 for settings that are not usable", async () => {
    const { codes, out, err } = await run(["show"], { "settings.json": "[]" });
    expect([codes, out]).toEqual([[2], ""]);
    expect(err).toContain("found a list, expected an object");
  });
});
