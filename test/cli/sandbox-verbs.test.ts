import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { registerSandbox } from "../../cli/sandbox.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();
const openshell = {
  isolation: "bubblewrap",
  filesystem: { max_size_gb: 0.5 },
  network: {
    mode: "whitelist",
    allowed_domains: ["api.a.test", "*.b.test"],
    blocked_ports: [22],
    egress_bandwidth_mbps: 10,
  },
  execution: { max_cpu_seconds: 7, allowed_languages: ["python"], blocked_commands: ["dd"] },
  audit: { log_file_access: false },
};
const skill = (name: string, metadata: string) => `---
name: ${name}
description: does ${name} for tests.
metadata:
${metadata}
---
How to ${name}.
`;

beforeEach(async () => {
  const { mkdirSync } = await import("node:fs");
  const add = (name: string, script: string, metadata: string) => {
    mkdirSync(join(folder.path, "skills", name, "scripts"), { recursive: true });
    writeFileSync(join(folder.path, "skills", name, "SKILL.md"), skill(name, metadata));
    writeFileSync(join(folder.path, "skills", name, script), "");
  };
  add(
    "fetcher",
    "scripts/run.py",
    '  clawgate.entry: scripts/run.py\n  clawgate.egress: "api.a.test:443 c.test:443 x.b.test:22"\n  clawgate.limits: "wall_seconds=3 memory_mb=64"',
  );
  add("keyed", "scripts/run.sh", "  clawgate.entry: scripts/run.sh\n  clawgate.secrets: API_KEY");
  const settings = {
    openshell,
    skills: { folders: ["skills"] },
    multi_tenant: {
      tenants: [
        { id: "sales", allowed_skills: ["fetcher"] },
        { id: "ops", allowed_skills: ["*"], blocked_skills: ["fetcher"] },
      ],
    },
  };
  writeFileSync(join(folder.path, "settings.json"), JSON.stringify(settings));
});

const verb = (...words: string[]) => runVerb(registerSandbox, folder.path, ["sandbox", ...words]);
const json = async (...words: string[]) => {
  const { code, out } = await verb(...words, "--json");
  return { code, view: JSON.parse(out) };
};

describe("clawgate sandbox explain", () => {
  it("says what a skill may do: limits, paths, open and closed hosts, commands, record", async () => {
    const { code, view } = await json("explain", "sales", "fetcher");
    expect(code).toBe(0);
    expect(view).toMatchObject({
      tenant: "sales",
      skill: "fetcher",
      language: "python",
      may_run: true,
      languages: ["python"],
      limits: { wall_s: 3, cpu_s: 7, memory_mb: 64, disk_mb: 512, egress_mbps: 10 },
      writable: ["/workspace", "/tmp"],
      readable: ["/app", "/config"],
      network: {
        open: ["api.a.test:443"],
        closed: ["c.test:443", "x.b.test:22"],
        blocked_ports: [22],
      },
      blocked_commands: ["dd"],
      recorded: { commands: true, network: true, files: false },
    });
    expect(view.engine.join()).toMatch(/bubblewrap|NONE, skills are off/);
  });

  it("says why a skill may not run", async () => {
    const refused = await json("explain", "sales", "keyed");
    expect(refused.view.may_run).toBe(false);
    expect(refused.view.obstacles).toEqual([
      expect.stringContaining("allowed_skills"),
      expect.stringContaining("language bash"),
      expect.stringContaining("API_KEY"),
    ]);
    expect((await json("explain", "ops", "fetcher")).view.may_run).toBe(false);
  });

  it("says of a skill with secrets which are missing, or that their host is closed", async () => {
    const settings = (more: object, execution: object, secrets: readonly object[]) =>
      writeFileSync(
        join(folder.path, "settings.json"),
        JSON.stringify({
          openshell: { ...openshell, execution, ...more },
          skills: { folders: ["skills"] },
          multi_tenant: { tenants: [{ id: "ops", allowed_skills: ["*"], secrets }] },
        }),
      );
    const key = { name: "API_KEY", value: "s3cret", host: "api.a.test" };
    const bash = { allowed_languages: ["bash"] };
    settings({}, bash, [{ ...key, skills: ["other"] }]);
    expect((await json("explain", "ops", "keyed")).view.obstacles).toEqual([
      expect.stringMatching(/do not grant it: API_KEY$/),
    ]);
    settings({ filesystem: { readonly_paths: ["/config"] } }, bash, [key]);
    const { out } = await verb("explain", "ops", "keyed", "--json");
    expect(JSON.parse(out).obstacles).toEqual([
      expect.stringMatching(/^\/app/),
      expect.stringContaining("API_KEY is for api.a.test, which this run cannot reach"),
    ]);
    expect(out).not.toContain("s3cret");
  });

  it("says it all in words too, for a tenant as a whole", async () => {
    const { code, out } = await verb("explain", "ops");
    expect(code).toBe(0);
    for (const words of [
      /^skills +keyed$/m,
      /^at most +17 s, of these 7 s of processor time$/m,
      /512 MiB in 65536 files/,
      /^reaches +api\.a\.test:any, \*\.b\.test:any$/m,
      /never on ports 22; 10 Mbit\/s/,
      /^blocked +dd \(defence in depth/m,
      /^recorded +commands, network$/m,
    ]) {
      expect(out).toMatch(words);
    }
  });

  it("says which tenants and skills there are when it does not know one", async () => {
    expect(await verb("explain", "nobody")).toMatchObject({
      code: 1,
      err: expect.stringContaining("it has: sales, ops"),
    });
    const { code, view } = await json("explain", "sales", "nothing");
    expect([code, view.error.code]).toEqual([1, "NOT_FOUND"]);
    expect(view.error.message).toMatch(/fetcher/);
  });
});

describe("clawgate sandbox probe", () => {
  it("tries every engine, says why one does not work, and whether the configured one does", async () => {
    const { code, view } = await json("probe");
    expect(view.engines.map(({ engine }: { engine: string }) => engine)).toEqual([
      ...["gvisor", "bubblewrap", "firecracker", "openshell"],
    ]);
    for (const { ok, reason, strength } of view.engines) {
      if (ok) expect(strength.wall).toEqual(expect.any(String));
      else expect(reason).toMatch(/.{10}/);
    }
    const configured = view.engines[1];
    expect([view.isolation, view.ok, code]).toEqual([
      ...["bubblewrap", configured.ok, configured.ok ? 0 : 1],
    ]);
    expect(view.uses).toBe(configured.ok ? "bubblewrap" : null);
  });

  it("fails when the configured engine does, and names what works instead", async () => {
    const settings = { openshell: { ...openshell, isolation: "openshell" } };
    writeFileSync(join(folder.path, "settings.json"), JSON.stringify(settings));
    const { code, out } = await verb("probe");
    expect(code).toBe(1);
    expect(out).toMatch(/openshell\.isolation is openshell, which does not work here/);
    expect(out).toMatch(/^ENGINE +HERE +WHAT$/m);
  });
});
