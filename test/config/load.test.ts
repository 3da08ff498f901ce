import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSettings } from "../../config/load.ts";
import { formatProblem, SettingsError } from "../../config/problem.ts";
import { customerEnvironment as env } from "./environment.ts";
import { createWorkspace, load, problemsOf } from "./workspace.ts";

const variable = (name: string) => "$" + `{${name}}`;

const app = {
  corp_id: "wwcorp",
  agent_id: "1000002",
  secret: "app-secret-value",
  token: "callbackToken01",
  encoding_aes_key: env.WECHAT_AES_KEY,
};
const wecom = (changes: object = {}) => ({ channels: { wechat_work: { ...app, ...changes } } });
const tenant = (id: string, changes: object = {}) => ({
  id,
  bindings: [{ channel: "wechat_work", workspace: "wwcorp", department: id }],
  ...changes,
});
const tenants = (...list: object[]) => ({ ...wecom(), multi_tenant: { tenants: list } });
const paths = (...args: Parameters<typeof problemsOf>) =>
  problemsOf(...args).map(({ path }) => path);

describe("which settings are loaded", () => {
  const files = {
    "a.json": '{"server": {"port": 1001}}',
    "b.json": '{"server": {"port": 1002}}',
    "settings.json": '{"server": {"port": 1003}}',
  };
  const portOf = (...[options]: Parameters<typeof loadSettings>) =>
    loadSettings(options).settings.server.port;

  it("takes --settings before CLAWGATE_SETTINGS before ./settings.json", () => {
    const cwd = createWorkspace(files);
    expect(portOf({ path: "a.json", env: { CLAWGATE_SETTINGS: "b.json" }, cwd })).toBe(1001);
    expect(portOf({ env: { CLAWGATE_SETTINGS: "b.json" }, cwd })).toBe(1002);
    expect(portOf({ env: { CLAWGATE_SETTINGS: "" }, cwd })).toBe(1003);
  });

  it.each(["--settings", "CLAWGATE_SETTINGS"])(
    "never runs the demo in place of a missing file from %s",
    (way) => {
      const cwd = createWorkspace();
      const options =
        way === "--settings"
          ? { path: "no.json", env: {} }
          : { env: { CLAWGATE_SETTINGS: "no.json" } };
      expect(() => loadSettings({ ...options, cwd })).toThrow(/no such file/);
    },
  );

  it("never runs the demo in place of a settings.json that is not a file", () => {
    const cwd = createWorkspace({ "settings.json/x": "" });
    expect(() => loadSettings({ env: {}, cwd })).toThrow(SettingsError);
  });

  it("never runs the demo in place of a settings.json that is a link to nothing", () => {
    const cwd = createWorkspace();
    symlinkSync("not-mounted.json", join(cwd, "settings.json"));
    expect(() => loadSettings({ env: {}, cwd })).toThrow(/no such file, or a link to none/);
  });

  it("refuses a file of more than a mebibyte", () => {
    expect(problemsOf(`{${" ".repeat(1024 * 1024)}}`)[0]?.expected).toBe("at most 1048576 bytes");
  });

  it("refuses a file that is not UTF-8", () => {
    const cwd = createWorkspace();
    writeFileSync(join(cwd, "settings.json"), Buffer.from([0x7b, 0xff, 0x7d]));
    expect(() => loadSettings({ env: {}, cwd })).toThrow(/not UTF-8/);
  });

  it("reads a file that begins with a byte order mark", () => {
    expect(load('\uFEFF{"server": {"port": 1}}').settings.server.port).toBe(1);
  });

  it("starts relative paths at the settings file, not at the working directory", () => {
    const cwd = createWorkspace({
      "etc/settings.json":
        '{"storage": {"url": "file:./data"}, "skills": {"folders": ["../skills", "/opt/skills"]}}',
    });
    const { settings } = loadSettings({ path: "etc/settings.json", env: {}, cwd });
    expect(settings.storage.url).toBe(`file:${join(cwd, "etc/data")}`);
    expect(settings.skills.folders).toEqual([join(cwd, "skills"), "/opt/skills"]);
  });

  it("freezes the settings all the way down", () => {
    const { settings } = load(tenants(tenant("a")));
    const bindings = settings.multi_tenant.tenants[0]?.bindings;
    expect(Object.isFrozen(settings) && Object.isFrozen(bindings?.[0])).toBe(true);
    expect(() => Object.assign(settings.server, { port: 1 })).toThrow(TypeError);
  });
});

describe("what is wrong", () => {
  it("is said all at once, with path, line, found and expected", () => {
    const text = `{
  "server": { "port": "eighty" },
  "channels": { "wechat_work": {
    "corp_id": "wwcorp", "agent_id": "1000002", "token": "callbackToken01",
    "secret": "${variable("NOT_SET")}",
    "encoding_key": "x",
    "encoding_aes_key": "${env.WECHAT_AES_KEY}"
  } },
  "multi_tenant": { "tenants": [
    { "id": "a", "bindings": [{ "channel": "slack", "workspace": "T1" }] },
    { "id": "b", "bindings": [{ "channel": "slack", "workspace": "T1" }] }
  ] }
}`;
    expect(problemsOf(text)).toEqual([
      { path: "server.port", line: 2, found: '"eighty"', expected: "integer 0 to 65535" },
      {
        path: "channels.wechat_work.secret",
        line: 5,
        found: `${variable("NOT_SET")}, a variable that is not set`,
        expected: `the environment variable NOT_SET, or a default: ${variable("NOT_SET:-…")}`,
      },
      {
        path: "channels.wechat_work.encoding_key",
        line: 6,
        found: "an unknown key",
        expected: "encoding_aes_key (did you mean it?)",
      },
      {
        path: "multi_tenant.tenants[1].bindings[0]",
        line: 11,
        found: "the same binding as multi_tenant.tenants[0].bindings[0], of another tenant",
        expected: "a binding of one tenant only",
      },
    ]);
  });

  it("names the known keys where none is near", () => {
    expect(problemsOf({ queue: { zzzzzz: 1 } })[0]?.expected).toBe("one of redis_url");
  });

  it.each(["__proto__", "constructor", "toString"])("takes %s for an unknown key", (name) => {
    expect(paths(`{"server": {"${name}": 1}}`)).toEqual([`server.${name}`]);
  });

  it.each([
    ["gvisor2", false],
    ["none", false],
    ["gvisor", true],
    ["auto", true],
    ["firecracker", true],
  ])("knows whether openshell.isolation may be %s", (isolation, isKnown) => {
    expect(paths({ openshell: { isolation } })).toEqual(isKnown ? [] : ["openshell.isolation"]);
  });

  it.each(["..", "/", "/usr/lib", "/proc", "/etc/x", "relative", "/tmp/../etc"])(
    "refuses %s as a path inside the sandbox",
    (path) => {
      expect(paths({ openshell: { filesystem: { allowed_paths: [path] } } })).toEqual([
        "openshell.filesystem.allowed_paths[0]",
      ]);
    },
  );
});

describe("placeholders", () => {
  it("become a number or true or false where the key wants one", () => {
    const settings = {
      server: { port: variable("PORT") },
      ...wecom({ enabled: variable("ON:-false"), replay_window_s: variable("WINDOW:-120") }),
    };
    const { server, channels } = load(settings, { PORT: "8080" }).settings;
    expect([
      server.port,
      channels.wechat_work?.enabled,
      channels.wechat_work?.replay_window_s,
    ]).toEqual([8080, false, 120]);
  });

  it.each(["", " 80", "0x50", "80a", "1e999", "-1"])("do not make a port of %j", (PORT) => {
    expect(paths({ server: { port: variable("PORT") } }, { PORT })).toEqual(["server.port"]);
  });

  it("stay text where the key wants text", () => {
    const { settings } = load(wecom({ agent_id: variable("ID") }), { ID: "0042" });
    expect(settings.channels.wechat_work?.agent_id).toBe("0042");
  });

  it("are not looked for in what a variable holds", () => {
    const { settings } = load(wecom({ secret: variable("A") }), { A: variable("B"), B: "wrong" });
    expect(settings.channels.wechat_work?.secret).toBe(variable("B"));
  });
});

describe("secret files", () => {
  const fromFile = (secret: string) => wecom({ secret });
  const secretOf = (...args: Parameters<typeof load>) =>
    load(...args).settings.channels.wechat_work?.secret;

  it("are read from beside the settings file, without the line end", () => {
    expect(secretOf(fromFile("file:keys/s"), {}, { "keys/s": "  kept  \r\n" })).toBe("  kept  ");
  });

  it("may lie in a folder that a variable names", () => {
    const folder = createWorkspace({ s: "value\n" });
    expect(secretOf(fromFile(`file:${variable("DIR")}/s`), { DIR: folder })).toBe("value");
  });

  it("are followed through links, as Kubernetes mounts them", () => {
    const folder = createWorkspace({ "..data/s": "value" });
    symlinkSync("..data/s", join(folder, "s"));
    expect(secretOf(fromFile(`file:${folder}/s`))).toBe("value");
  });

  it("bring a warning when everyone may read them", () => {
    const folder = createWorkspace({ s: "value" });
    chmodSync(join(folder, "s"), 0o644);
    expect(load(fromFile(`file:${folder}/s`)).warnings).toEqual([
      expect.stringMatching(/^channels\.wechat_work\.secret: file .*\/s may be read by every user/),
    ]);
  });

  it.each([
    ["is missing", "no", /does not exist/],
    ["is empty", "empty", /is empty/],
    ["has two lines", "two", /more than one line/],
    ["is a folder", "folder", /not a regular file/],
    ["is huge", "huge", /larger than 65536 bytes/],
  ])("are an error when one %s", (_why, name, found) => {
    const folder = createWorkspace({ empty: "\n", two: "a\nb\n", huge: "x".repeat(70_000) });
    mkdirSync(join(folder, "folder"));
    const [problem, ...others] = problemsOf(fromFile(`file:${folder}/${name}`));
    expect(problem?.path).toBe("channels.wechat_work.secret");
    expect(problem?.found).toMatch(found);
    expect(others).toEqual([]);
  });

  it("are not read for keys that are no secrets", () => {
    const { settings } = load({
      multi_tenant: { tenants: [tenant("a", { name: "file:keys/s" })] },
    });
    expect(settings.multi_tenant.tenants[0]?.name).toBe("file:keys/s");
  });
});

describe("WeCom credentials", () => {
  it("takes an EncodingAESKey with spaces around it and surplus bits set", () => {
    const key = `${"A".repeat(42)}9`;
    const { settings } = load(wecom({ encoding_aes_key: ` ${key}\n` }));
    expect(settings.channels.wechat_work?.encoding_aes_key).toBe(key);
  });

  it.each([
    "A".repeat(42),
    "A".repeat(44),
    `${"A".repeat(42)}+`,
    `${"A".repeat(42)}=`,
    `${"A".repeat(21)} ${"A".repeat(21)}`,
  ])("refuses %j as EncodingAESKey without printing it", (encoding_aes_key) => {
    const [problem, ...others] = problemsOf(wecom({ encoding_aes_key }));
    expect(others).toEqual([]);
    expect(problem?.expected).toBe("EncodingAESKey: 43 letters and digits");
    expect(problem?.found).toBe(`text of ${encoding_aes_key.length} characters`);
  });

  it("takes an empty previous pair for none, and half a pair for a mistake", () => {
    const previous = (token: string, encoding_aes_key: string) =>
      wecom({ previous: [{ token, encoding_aes_key }] });
    expect(load(previous("", "")).settings.channels.wechat_work?.previous).toEqual([]);
    expect(
      load(previous("old", env.WECHAT_AES_KEY)).settings.channels.wechat_work?.previous,
    ).toHaveLength(1);
    expect(paths(previous("old", ""))).toEqual(["channels.wechat_work.previous[0]"]);
  });

  it("asks for every part of an app that is switched on, and for none of one that is not", () => {
    const partial = (enabled: boolean) => ({
      channels: { wechat_work: { enabled, corp_id: "ww" } },
    });
    expect(paths(partial(false))).toEqual([]);
    expect(paths(partial(true))).toEqual(
      ["agent_id", "secret", "token", "encoding_aes_key"].map(
        (key) => `channels.wechat_work.${key}`,
      ),
    );
  });

  it("refuses two apps on one path, and the same app twice", () => {
    const second = { ...app, webhook_path: "/api/wechat/callback" };
    expect(paths(wecom({ apps: [second] }))).toEqual([
      "channels.wechat_work.apps[0].agent_id",
      "channels.wechat_work.apps[0].webhook_path",
    ]);
  });

  it.each(["/metrics", "/api/health/live", "/api/audit/logs"])(
    "refuses the path %s, which is ours",
    (path) => {
      expect(paths(wecom({ webhook_path: path }))).toEqual(["channels.wechat_work.webhook_path"]);
    },
  );

  it("refuses a replay window under a minute", () => {
    expect(paths(wecom({ replay_window_s: 59 }))).toEqual(["channels.wechat_work.replay_window_s"]);
  });
});

describe("tenants", () => {
  it("are refused while multi_tenant.enabled is false", () => {
    expect(paths({ multi_tenant: { enabled: false, tenants: [tenant("a")] } })).toEqual([
      "multi_tenant.enabled",
    ]);
    expect(paths({ multi_tenant: { enabled: false } })).toEqual([]);
  });

  it.each(["_platform", "A", "-a", "a b", "", "a".repeat(64)])("may not be called %j", (id) => {
    expect(paths(tenants({ id }))).toEqual(["multi_tenant.tenants[0].id"]);
  });

  it("have ids of their own", () => {
    expect(paths(tenants({ id: "a" }, { id: "a" }))).toEqual(["multi_tenant.tenants[1].id"]);
  });

  it("do not share a WeCom user whose id differs in case only", () => {
    const bound = (conversation: string) => ({
      bindings: [{ channel: "wechat_work", workspace: "wwcorp", conversation }],
    });
    const list = [tenant("a", bound("1000002/Guest")), tenant("b", bound("1000002/guest"))];
    expect(paths(tenants(...list))).toEqual(["multi_tenant.tenants[1].bindings[0]"]);
  });

  it("may repeat a binding of their own", () => {
    const binding = { channel: "wechat_work", workspace: "wwcorp" };
    expect(paths(tenants(tenant("a", { bindings: [binding, binding] })))).toEqual([]);
  });

  it("bring a warning for contacts whom nothing can be sent to", () => {
    const contacts = [
      ...["finance@company.com", "discord:1:2", "slack:T2:U1", "wechat_work:wwother:bo"],
      ...["slack:T1:U1", "wechat_work:wwcorp:bo"],
    ];
    const bindings = [{ channel: "slack", workspace: "T1" }];
    const slack = { signing_secret: "s", workspaces: [{ team_id: "T1", bot_token: "xoxb-1" }] };
    const settings = tenants({ id: "a", bindings, contacts });
    const channels = { ...settings.channels, slack };
    expect(load({ ...settings, channels }).warnings).toEqual(
      [
        "it is no person in a chat tool, as channel:workspace:user, and mail is not sent yet; it is named in log and audit",
        "channel discord is not switched on",
        "channels.slack has no bot_token for this workspace",
        "no app under channels.wechat_work has this corp_id, and bots only answer",
      ].map(
        (why, at) =>
          `multi_tenant.tenants[0].contacts[${at}]: nothing can be sent to this contact: ${why}`,
      ),
    );
  });

  it("bring a warning without bindings, and with bindings that cannot match", () => {
    const lost = {
      bindings: [
        { channel: "slack", workspace: "T1" },
        { channel: "wechat_work", workspace: "wwother" },
      ],
    };
    expect(load(tenants({ id: "a" }, tenant("b", lost))).warnings).toEqual([
      "multi_tenant.tenants[0].bindings: nobody belongs to tenant a: it has no bindings",
      "multi_tenant.tenants[1].bindings[0].channel: channel slack is not switched on",
      "multi_tenant.tenants[1].bindings[1].workspace: no app under channels.wechat_work has this corp_id",
    ]);
  });

  it.each(["wecom", "telegram"])("may not be bound to the unknown channel %s", (channel) => {
    const list = tenant("a", { bindings: [{ channel, workspace: "x" }] });
    expect(paths(tenants(list))).toEqual(["multi_tenant.tenants[0].bindings[0].channel"]);
  });

  it("may only name lexicons that exist", () => {
    const [problem] = problemsOf({
      ...tenants(tenant("a", { lexicons: ["house-word"] })),
      moderation: { lexicons: [{ name: "house-words", file: "x.json" }] },
    });
    expect(problem).toMatchObject({
      path: "multi_tenant.tenants[0].lexicons[0]",
      expected: "house-words (did you mean it?)",
    });
  });
});

describe("data residency", () => {
  const at = (data_residency: string, llm: object, more: object = {}) =>
    tenants(tenant("a", { llm_config: { provider: "rules", data_residency, ...llm }, ...more }));
  const overseas = { provider: "openai", model: "gpt-4o" };
  const cn = { provider: "qwen", model: "qwen-plus" };

  it.each(["on-prem", "domestic"])(
    "%s refuses an overseas model anywhere in the tenant",
    (residency) => {
      const base = "multi_tenant.tenants[0]";
      expect(paths(at(residency, overseas))).toEqual([`${base}.llm_config.provider`]);
      expect(paths(at(residency, { fallback: [overseas] }))).toEqual([
        `${base}.llm_config.fallback[0].provider`,
      ]);
      for (const use of ["light", "sensitive", "transcription"]) {
        expect(paths(at(residency, { [use]: overseas }))).toEqual([
          `${base}.llm_config.${use}.provider`,
        ]);
      }
      expect(paths(at(residency, {}, { agents: [{ name: "x", ...overseas }] }))).toEqual([
        `${base}.agents[0].provider`,
      ]);
    },
  );

  it("domestic allows cn and on-prem, on-prem only on-prem", () => {
    expect(paths(at("domestic", cn))).toEqual([]);
    expect(paths(at("domestic", { provider: "vllm", model: "m" }))).toEqual([]);
    expect(paths(at("on-prem", cn))).toEqual(["multi_tenant.tenants[0].llm_config.provider"]);
  });

  it("goes by the declared region before the preset's", () => {
    const providers = {
      openai: { kind: "openai", base_url: "http://10.0.0.9/v1", region: "on-prem" },
    };
    expect(paths({ ...at("on-prem", overseas), models: { providers } })).toEqual([]);
    const moved = {
      vllm: { kind: "vllm", base_url: "https://vllm.example.com/v1", region: "overseas" },
    };
    expect(
      paths({ ...at("on-prem", { provider: "vllm", model: "m" }), models: { providers: moved } }),
    ).toHaveLength(1);
  });

  it("warns when a public address is taken for on-prem", () => {
    const providers = { vllm: { kind: "vllm", base_url: "https://vllm.example.com/v1" } };
    expect(load({ models: { providers } }).warnings).toEqual([
      expect.stringMatching(/^models\.providers\.vllm\.region: absent: taken as on-prem/),
    ]);
  });
});

describe("roles", () => {
  const rbac = (block: object) => ({ enterprise: { rbac: block } });

  it("must exist to be bound, built in or declared", () => {
    expect(paths(rbac({ role_bindings: [{ role: "auditor", departments: ["x"] }] }))).toEqual([]);
    expect(paths(rbac({ role_bindings: [{ role: "boss", departments: ["x"] }] }))).toEqual([
      "enterprise.rbac.role_bindings[0].role",
    ]);
    const own = {
      roles: [{ name: "user", permissions: [] }],
      role_bindings: [{ role: "auditor" }],
    };
    expect(paths(rbac(own))).toEqual(["enterprise.rbac.role_bindings[0].role"]);
  });
});

describe("TLS", () => {
  const suites = (tls_version: string, suite: string) => ({
    enterprise: { encryption: { in_transit: { tls_version, cipher_suites: [suite] } } },
  });

  it("takes suites that this Node knows and that fit the version", () => {
    expect(paths(suites("1.3", "TLS_AES_256_GCM_SHA384"))).toEqual([]);
    expect(paths(suites("1.2", "ECDHE-RSA-AES128-GCM-SHA256"))).toEqual([]);
    expect(paths(suites("1.3", "ECDHE-RSA-AES128-GCM-SHA256"))).toHaveLength(1);
    expect(paths(suites("1.2", "TLS_NO_SUCH_SUITE"))).toHaveLength(1);
  });
});

describe("not enforced yet", () => {
  it("names a value that this version does not act on, and not one that it does", () => {
    expect(load({ storage: { url: "postgres://u:p@db/claw" } }).notEnforced).toEqual([]);
    expect(load({ openshell: { audit: { export_to: "file" } } }).notEnforced).toEqual([]);
    expect(load({ openshell: { audit: { export_to: "splunk" } } }).notEnforced).toEqual([
      "openshell.audit.export_to",
    ]);
    expect(load({}).notEnforced).toEqual([]);
  });
});

describe("secrets stay put", () => {
  it.each(["7/pl4nted", "7?pl4nted", "#pl4nted", "7#pl4nted"])(
    "attack: a URL's password %s is not taken for a path, which would be shown",
    (password) => {
      const settings = {
        storage: {
          url: `postgres://u:${password}@db/claw`,
          migrate_url: `postgres://u:${password}@db/claw`,
        },
        queue: { redis_url: `redis://u:${password}@r` },
      };
      const problems = problemsOf(settings);
      expect(problems.map(({ path }) => path)).toEqual([
        "storage.url",
        "storage.migrate_url",
        "queue.redis_url",
      ]);
      for (const problem of problems) {
        expect(formatProblem(problem)).toMatch(/%XX/);
        expect(formatProblem(problem)).not.toContain("pl4nted");
      }
    },
  );

  it("are in no problem, whatever else is wrong with them", () => {
    const planted = "pl4nted-s3cret-value pl4nted";
    const settings = {
      server: { port: variable("S"), host: [planted] },
      storage: { migrate_url: `mysql://u:${planted}@db/x` },
      queue: { redis_url: `http://:${planted}@r` },
      channels: {
        wechat_work: {
          ...app,
          token: planted,
          encoding_aes_key: planted,
          secret: { planted },
          previous: [{ token: planted, encoding_aes_key: planted }],
        },
        slack: { signing_secret: [planted], bot_token: { [planted.slice(0, 4)]: planted } },
        discord: { mode: variable("S") },
      },
      models: { providers: { openai: { api_key: { x: planted } }, own: { api_key: planted } } },
    };
    const problems = problemsOf(settings, { S: planted });
    expect(problems.length).toBeGreaterThan(8);
    expect(JSON.stringify(problems)).not.toContain("s3cret");
    expect(new SettingsError("x", problems).message).not.toContain("s3cret");
  });
});
