import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { demoSecrets } from "../../config/demo-secrets.ts";
import { loadSettings } from "../../config/load.ts";
import { createTenantIndex } from "../../config/tenant.ts";
import { wecomApps } from "../../config/wecom-apps.ts";
import { createWorkspace } from "./workspace.ts";

describe("the built-in demo", () => {
  it("loads without a file, a key or a variable, on loopback only", () => {
    const cwd = createWorkspace();
    const loaded = loadSettings({ env: {}, cwd });
    expect(loaded).toMatchObject({
      isDemo: true,
      source: "built-in demo",
      warnings: [],
      notEnforced: [],
    });
    expect(loaded.settings.server).toMatchObject({ host: "127.0.0.1", port: 18789 });
    expect(loaded.settings.storage.url).toBe(`file:${join(cwd, "data")}`);
    expect(wecomApps(loaded.settings)).toMatchObject([
      { corp_id: "wwdemo0000000001", agent_id: "1000002", api_base_url: "http://127.0.0.1:18790" },
    ]);
  });

  it("puts everyone in sales but guest, who is in reception and may not calculate", () => {
    const { settings } = loadSettings({ env: {}, cwd: createWorkspace() });
    const tenants = createTenantIndex(settings);
    const tenantOf = (user: string) => {
      const found = tenants.resolve({
        channel: "wechat_work",
        workspaceId: "wwdemo0000000001",
        conversationId: `1000002/${user}`,
        roles: [],
        departments: [],
      });
      return found.kind === "tenant" ? found.tenant : undefined;
    };
    const verdict = (user: string, name: string) =>
      tenantOf(user)?.skillVerdict({ name, risk: "low" });
    expect([tenantOf("alice")?.id, tenantOf("guest")?.id]).toEqual(["sales", "reception"]);
    expect(verdict("alice", "calculator")).toBe("allowed");
    expect(verdict("guest", "calculator")).toBe("not_listed");
    expect(verdict("guest", "csv-summary")).toBe("allowed");
  });

  it("makes its secrets once, for the owner's eyes only, and uses them again", () => {
    const cwd = createWorkspace();
    const [first, second] = [loadSettings({ env: {}, cwd }), loadSettings({ env: {}, cwd })];
    expect(second.settings).toEqual(first.settings);
    expect(statSync(join(cwd, "data/demo.json")).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(cwd, "data"))).toEqual(["demo.json"]);
    const elsewhere = loadSettings({ env: {}, cwd: createWorkspace() });
    expect(elsewhere.settings.channels.wechat_work?.token).not.toBe(
      first.settings.channels.wechat_work?.token,
    );
  });

  it("touches nothing when it may not create, and sees what was created", () => {
    const cwd = createWorkspace();
    const before = loadSettings({ env: {}, cwd, mayCreate: false });
    expect(before.warnings).toEqual(["settings: the demo's secrets are made at the first start"]);
    expect(existsSync(join(cwd, "data"))).toBe(false);
    const started = loadSettings({ env: {}, cwd });
    expect(loadSettings({ env: {}, cwd, mayCreate: false }).settings).toEqual(started.settings);
  });

  it.each(["", "{", '{"token":"short"}'])(
    "says what to do about a damaged demo.json (%j)",
    (content) => {
      const cwd = createWorkspace({ "data/demo.json": content });
      expect(() => loadSettings({ env: {}, cwd })).toThrow(/delete the file to have new ones made/);
      expect(readFileSync(join(cwd, "data/demo.json"), "utf8")).toBe(content);
    },
  );

  it("says so when something else stands where the folder should be", () => {
    const cwd = createWorkspace({ data: "a file" });
    expect(() => loadSettings({ env: {}, cwd })).toThrow(/cannot be read \(ENOTDIR\)/);
  });

  it("takes the secrets of whoever was first when two processes start at once", () => {
    const data = join(createWorkspace(), "data");
    let theirs: unknown;
    const late = () => {
      // The other process comes in between looking for the file and writing it.
      theirs = demoSecrets(data, true).secrets;
      return {
        token: "A".repeat(32),
        encoding_aes_key: "A".repeat(43),
        app_secret: "A".repeat(43),
      };
    };
    expect(demoSecrets(data, true, late).secrets).toEqual(theirs);
    expect(readdirSync(data)).toEqual(["demo.json"]);
  });
});
