import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadContentRules } from "../../cli/content-rules.ts";
import { createReload } from "../../cli/reload.ts";
import { type LoadedSettings, loadSettings } from "../../config/load.ts";
import { SettingsError } from "../../config/problem.ts";
import { createLexiconLoader } from "../../core/safety/moderation/load-lexicon.ts";
import type { TenantSafety } from "../../core/safety/tenant-safety.ts";
import { recordedLog } from "../fakes/log.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";

const folder = temporaryFolder();

const write = (name: string, content: unknown): void =>
  writeFileSync(
    join(folder.path, name),
    typeof content === "string" ? content : JSON.stringify(content),
  );
const term = (id: string, text: string) => ({ id, term: text, action: "block" });
const settingsWith = (tenants: readonly object[], more: object = {}) => ({
  multi_tenant: { tenants },
  moderation: {
    lexicons: [
      { name: "one", file: "one.json" },
      { name: "two", file: "two.json" },
    ],
  },
  ...more,
});
const loaded = (settings: object): LoadedSettings => {
  write("settings.json", settings);
  return loadSettings({ env: {}, cwd: folder.path });
};
const problemsOf = (settings: object) => {
  try {
    loadContentRules(loaded(settings), createLexiconLoader());
    return [];
  } catch (cause) {
    if (cause instanceof SettingsError) return cause.problems;
    throw cause;
  }
};

const inspected = ({ moderation }: TenantSafety, text: string) => {
  if (moderation === "missing") throw new Error("a lexicon is missing");
  return moderation?.inspect(text);
};

describe("the lexicons of the settings", () => {
  it("apply to the tenants that name them and to no other", () => {
    write("one.json", { terms: [term("a", "毒品")] });
    write("two.json", { terms: [term("b", "casino")] });
    const tenants = [
      { id: "x", lexicons: ["one"] },
      { id: "y", lexicons: ["two", "one"] },
      { id: "z" },
    ];
    const { safetyOf } = loadContentRules(loaded(settingsWith(tenants)), createLexiconLoader());
    const hits = (id: string) => inspected(safetyOf(id), "casino 毒品")?.hits.map((hit) => hit.id);
    expect([hits("x"), hits("y"), hits("z")]).toEqual([["a"], ["b", "a"], undefined]);
    expect(() => safetyOf("nobody")).toThrow("no content rules for tenant nobody");
  });

  it("are shared by tenants, as are detectors and rules: a thousand cost what one does", () => {
    write("one.json", { terms: [term("a", "毒品")] });
    write("two.json", { terms: [] });
    const tenants = Array.from({ length: 1000 }, (_, at) => ({ id: `t${at}`, lexicons: ["one"] }));
    const { safetyOf } = loadContentRules(loaded(settingsWith(tenants)), createLexiconLoader());
    const [first, last] = [safetyOf("t0"), safetyOf("t999")];
    expect(first.moderation).toBe(last.moderation);
    expect(first.dlp?.in).toBe(last.dlp?.in);
    expect(first.dlp?.in).toBe(last.dlp?.out);
  });

  it("are settings errors that name the file and the line when they cannot be used", () => {
    write("one.json", '{\n"terms": [\n{"id":"a","term":"x","action":"shout"},\n{"id":"b"}\n]}');
    write("two.json", '{\n"terms": [\n');
    const found = problemsOf(settingsWith([])).map((problem) => `${problem.path} ${problem.found}`);
    expect(found.join("\n")).toMatch(
      /lexicons\[0\]\.file .*one\.json: line 3: terms\[0\][\s\S]*line 4: terms\[1\][\s\S]*lexicons\[1\]\.file .*two\.json: line 3: no JSON/,
    );
    write("one.json", '{\n"terms": [\n{"id":"a","term":"!?","action":"mask"}\n]}');
    write("two.json", { terms: [] });
    expect(problemsOf(settingsWith([]))).toMatchObject([
      { found: expect.stringMatching(/line 3: terms\[0\] \(a\): nothing is left/) },
    ]);
  });

  it("attack: a second list of terms, or a second action, does not replace the first in silence", () => {
    const entry = '{"id":"a","term":"毒品\\"","action":"block"}';
    write("one.json", `{"terms":[${entry}],\n"terms" : []}`);
    write(
      "two.json",
      '{"terms":[\n{"id":"b","term":"x:\\"y\\":","action":"block","action":"mask"}]}',
    );
    expect(problemsOf(settingsWith([]))).toMatchObject([
      { found: expect.stringMatching(/one\.json: line 2: terms: the same key again/) },
      { found: expect.stringMatching(/two\.json: line 2: terms\[0\]\.action: the same key again/) },
    ]);
  });

  it("are told apart from settings: no comments, no comma behind the last entry, no invisible ids", () => {
    write("one.json", '{"terms":[{"id":"a","term":"x1","action":"mask"},]}');
    write("two.json", { terms: [term("a\u0000b", "x1"), term("a\u001b[2J", "x2")] });
    expect(problemsOf(settingsWith([]))).toMatchObject([
      { found: expect.stringMatching(/one\.json: comments, or a comma .*: no JSON/) },
      { found: expect.stringMatching(/two\.json: line 1: terms\[0\]: id: an id of visible/) },
      { found: expect.stringMatching(/two\.json: line 1: terms\[1\]: id: an id of visible/) },
    ]);
  });

  it("may hold quotes and colons in their terms", () => {
    write("one.json", { terms: [term("a", 'say "yes": no'), term("b\\", "x\\y")] });
    write("two.json", '\ufeff{ "terms" : [ ] }');
    expect(problemsOf(settingsWith([]))).toEqual([]);
  });

  it("have ids that no other lexicon of the same tenant has", () => {
    write("one.json", { terms: [term("a", "x1")] });
    write("two.json", { terms: [term("a", "x2")] });
    const apart = [
      { id: "x", lexicons: ["one"] },
      { id: "y", lexicons: ["two"] },
    ];
    expect(problemsOf(settingsWith(apart))).toEqual([]);
    expect(problemsOf(settingsWith([{ id: "x", lexicons: ["one", "two"] }]))).toMatchObject([
      { path: "multi_tenant.tenants[0].lexicons", found: expect.stringContaining('"a"') },
    ]);
  });

  it("close the tenants that name one that does not exist, and no other, with a warning", () => {
    write("two.json", { terms: [] });
    rmSync(join(folder.path, "one.json"), { force: true });
    const tenants = [
      { id: "x", lexicons: ["one", "two"] },
      { id: "y", lexicons: ["two"] },
    ];
    const rules = loadContentRules(loaded(settingsWith(tenants)), createLexiconLoader());
    expect(rules.safetyOf("x").moderation).toBe("missing");
    expect(inspected(rules.safetyOf("y"), "hi")?.action).toBe("allow");
    expect(rules.warnings).toEqual([expect.stringMatching(/one\.json does not exist: tenants/)]);
  });

  it("that were changed to something unusable leave the last good rules in force", async () => {
    write("one.json", { terms: [term("a", "毒品")] });
    write("two.json", { terms: [] });
    const current = loaded(settingsWith([{ id: "x", lexicons: ["one"] }]));
    const load = createLexiconLoader();
    let rules = loadContentRules(current, load);
    const log = recordedLog();
    const reload = createReload({
      current,
      load: (path) => loadSettings({ path, env: {}, cwd: folder.path }),
      apply: async (next) => {
        rules = loadContentRules(next, load);
      },
      log,
    });
    write("one.json", "{");
    await reload();
    rmSync(join(folder.path, "one.json"));
    await reload();
    expect(inspected(rules.safetyOf("x"), "毒品")?.action).toBe("block");
    expect(log.lines).toMatchObject([
      { level: "error", fields: { problems: [expect.stringMatching(/one\.json: line 1/)] } },
      { level: "error", fields: { problems: [expect.stringMatching(/one\.json: no such file/)] } },
    ]);
    write("one.json", { terms: [term("a", "毒品"), term("c", "casino")] });
    await reload();
    expect(inspected(rules.safetyOf("x"), "casino")?.action).toBe("block");
  });
});

describe("settings of content rules", () => {
  it("are warned of when a tenant's data may never go to a classifier", () => {
    const tenant = (id: string, data_residency: string, required: boolean) => ({
      ...{ id, moderation: { required } },
      llm_config: { provider: "rules", data_residency },
    });
    const tenants = [
      tenant("far", "any", true),
      tenant("china", "domestic", true),
      tenant("home", "on-prem", false),
    ];
    const classifiers = [
      { kind: "openai", provider: "openai", model: "omni" },
      { kind: "aliyun", key_id: "a", key_secret: "b" },
    ];
    const settings = loaded({ multi_tenant: { tenants }, moderation: { classifiers } });
    const { warnings } = loadContentRules(settings, createLexiconLoader());
    expect(warnings.filter((text) => text.includes("classifier"))).toEqual([
      expect.stringMatching(/^tenant china .* openai omni \(overseas\): .* are all refused/),
      expect.stringMatching(/^tenant home .* openai omni \(overseas\): .* pass without/),
      expect.stringMatching(/^tenant home .* aliyun \(cn\): .* pass without/),
    ]);
  });

  it.each([
    [{ moderation: { classifiers: [{ kind: "aliyun", key_id: "a" }] } }, "key_secret"],
    [{ moderation: { classifiers: [{ kind: "llm", provider: "qwen" }] } }, "model"],
    [{ enterprise: { data_loss_prevention: { detectors: { passport: {} } } } }, "passport"],
    [
      { multi_tenant: { tenants: [{ id: "x", links: { allowed_domains: ["HTTPS://a"] } }] } },
      "domain",
    ],
  ])("are refused when they make no sense: %j", (settings, word) => {
    expect(() => loaded(settings)).toThrow(word);
  });
});
