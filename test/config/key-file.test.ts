import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadSettings } from "../../config/load.ts";
import { createWorkspace, load } from "./workspace.ts";

const folderOf = (loaded: { readonly source: string }) => dirname(loaded.source);

describe("the key file", () => {
  it("lies in the folder of an embedded store", () => {
    const usual = load({});
    expect(usual.keyFile).toBe(join(folderOf(usual), "data", "master.key"));
    expect(load({ storage: { url: "file:/var/lib/clawgate" } }).keyFile).toBe(
      "/var/lib/clawgate/master.key",
    );
  });

  it("lies in ./data beside the settings with PostgreSQL", () => {
    const loaded = load({ storage: { url: "postgres://u:p@db/claw" } });
    expect(loaded.keyFile).toBe(join(folderOf(loaded), "data", "master.key"));
  });

  it("is where storage.key_file says, from the settings file on", () => {
    const storage = { url: "postgres://u:p@db/claw", key_file: "keys/clawgate.key" };
    const loaded = load({ storage });
    expect(loaded.keyFile).toBe(join(folderOf(loaded), "keys", "clawgate.key"));
    expect(load({ storage: { ...storage, key_file: "/run/keys/c" } }).keyFile).toBe("/run/keys/c");
  });

  it("lies in the demo's data folder without settings", () => {
    const cwd = createWorkspace();
    expect(loadSettings({ env: {}, cwd, mayCreate: false }).keyFile).toBe(
      join(cwd, "data", "master.key"),
    );
  });
});

describe("encryption at rest in the settings", () => {
  const atRest = (at_rest: object) => load({ enterprise: { encryption: { at_rest } } });

  it("names the key file to whoever asked for Vault", () => {
    const { warnings, notEnforced, keyFile } = atRest({ enabled: true, key_management: "vault" });
    expect(notEnforced).toEqual(["enterprise.encryption.at_rest.key_management"]);
    expect(warnings).toEqual([
      `enterprise.encryption.at_rest.key_management: Vault cannot be used yet: the master keys are in the key file ${keyFile}`,
    ]);
  });

  it("says that it cannot be switched off", () => {
    expect(atRest({ enabled: false }).notEnforced).toEqual([
      "enterprise.encryption.at_rest.enabled",
    ]);
  });

  it("has nothing to say about what it does", () => {
    const { warnings, notEnforced } = atRest({
      enabled: true,
      algorithm: "AES-256-GCM",
      key_management: "file",
    });
    expect([warnings, notEnforced]).toEqual([[], []]);
  });
});
