import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { registerSandbox } from "../../cli/sandbox.ts";
import { parseRequest } from "../../cli/sandbox-request.ts";
import { SettingsError } from "../../config/problem.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { SETTINGS } from "../sandbox/sandbox-fixture.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();

const REQUEST = { tenant: "acme", run_id: "r1", language: "bash", source: "true" };

const run = async (config: unknown, request: unknown) => {
  const write = (name: string, value: unknown) =>
    writeFileSync(
      join(folder.path, name),
      typeof value === "string" ? value : JSON.stringify(value),
    );
  if (config !== undefined) write("c.json", config);
  if (request !== undefined) write("r.json", request);
  const words = ["sandbox", "run", "--config", "c.json", "--request", "r.json"];
  const ran = await runVerb(registerSandbox, folder.path, [...words, "--result", "f.json"]);
  const file = join(folder.path, "f.json");
  return { ...ran, result: existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined };
};

const recordOf = (result: { audit_file: string }): Record<string, unknown>[] =>
  readFileSync(result.audit_file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("clawgate sandbox run: a configuration that cannot be used", () => {
  it.each<[string, unknown, RegExp]>([
    ["an unknown key", { isolaton: "gvisor" }, /isolaton.*did you mean/],
    ["an unknown key inside", { network: { mode: "off", allow: [] } }, /network\.allow/],
    ["an engine that does not exist", { isolation: "docker" }, /isolation/],
    ["the settings' own wrapping", { openshell: {} }, /openshell.*unknown key/],
    ["a size of nothing", { filesystem: { max_size_gb: 0 } }, /max_size_gb/],
    ["a path of the system", { filesystem: { allowed_paths: ["/etc"] } }, /allowed_paths/],
    ["a language that is none", { execution: { allowed_languages: ["ruby"] } }, /languages/],
    ["a key twice", '{"isolation":"gvisor","isolation":"bubblewrap"}', /isolation/],
    ["a list", [], /object/],
    ["no JSON", "{", /syntax error/],
  ])("is refused with %s, and nothing is written", async (_, config, said) => {
    const refusal = run(config, REQUEST);
    await expect(refusal).rejects.toThrow(SettingsError);
    await expect(refusal).rejects.toThrow(said);
    expect(readdirSync(folder.path).sort()).toEqual(["c.json", "r.json"]);
  });

  it("is refused when the file is not there", async () => {
    await expect(run(undefined, REQUEST)).rejects.toThrow(/no such file/);
  });

  it("is refused when the engine cannot be had, and no other takes its place", async () => {
    const { code, err, result } = await run({ isolation: "firecracker" }, REQUEST);
    expect([code, result]).toEqual([1, undefined]);
    expect(err).toMatch(/nothing was run: .*firecracker/);
  });
});

describe("clawgate sandbox run: a command line that cannot be used", () => {
  it("says that the request is not there", async () => {
    expect(await run({}, undefined)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--request r\.json: no such file/),
    });
  });

  it("says which option is missing", async () => {
    const { code, err } = await runVerb(registerSandbox, folder.path, ["sandbox", "run"]);
    expect(code).toBe(2);
    expect(err).toContain("--config");
  });

  it("says that there is no folder for the result, before it runs anything", async () => {
    writeFileSync(join(folder.path, "c.json"), "{}");
    writeFileSync(join(folder.path, "r.json"), JSON.stringify(REQUEST));
    const words = ["sandbox", "run", "--config", "c.json", "--request", "r.json"];
    const ran = await runVerb(registerSandbox, folder.path, [...words, "--result", "no/f.json"]);
    expect(ran.code).toBe(2);
    expect(ran.err).toContain("no such folder");
  });
});

describe("clawgate sandbox run: a request that is none", () => {
  it.each<[string, unknown]>([
    ["no JSON", "{"],
    ["a list", []],
    ["nothing", "null"],
    ["an unknown key", { ...REQUEST, privileged: true }],
    ["an unknown limit", { ...REQUEST, limits: { cpus: 2 } }],
    ["no language", { ...REQUEST, language: undefined }],
    ["a language in other letters", { ...REQUEST, language: "Python" }],
    ["a language with a blank", { ...REQUEST, language: "bash " }],
    ["a language of its own", { ...REQUEST, language: "ruby" }],
    ["the name of a method", { ...REQUEST, language: "constructor" }],
    ["a source that is a list", { ...REQUEST, source: ["true"] }],
    ["arguments that are one text", { ...REQUEST, argv: "x" }],
    ["a number for an argument", { ...REQUEST, argv: [1] }],
    ["a variable that is a number", { ...REQUEST, env: { A: 1 } }],
    ["a network that is a text", { ...REQUEST, network: "true" }],
    ["a limit of nothing", { ...REQUEST, limits: { wall_s: 0 } }],
    ["a limit below nothing", { ...REQUEST, limits: { memory_mb: -1 } }],
    ["a limit that is a text", { ...REQUEST, limits: { pids: "64" } }],
    ["a limit beyond numbers", JSON.stringify(REQUEST).replace("}", ',"limits":{"wall_s":1e999}}')],
  ])("is blocked with %s, with a result and a record", async (_, request) => {
    const { code, result, err } = await run({ isolation: "bubblewrap" }, request);
    expect(code).toBe(0);
    expect(result).toMatchObject({ verdict: "blocked", reason: "policy", exit: null });
    expect(result.isolation).toMatch(/^bubblewrap/);
    expect(err).toContain("the request");
    const record = recordOf(result);
    expect(record.map(({ event }) => event)).toEqual(["refused", "ended"]);
    for (const line of record) expect(line).toMatchObject({ tenant: expect.any(String) });
  });

  it("puts the ids on record that it was asked for by, as far as they can be told", async () => {
    const { result } = await run({}, { ...REQUEST, tenant: "../x\n", source: 1 });
    expect(recordOf(result)[0]).toMatchObject({ tenant: "../x\n", run_id: "r1" });
  });

  it("has a result of exactly the promised shape, and leaves no draft of it", async () => {
    const { result } = await run({}, { ...REQUEST, source: 1 });
    expect(result).toEqual({
      verdict: "blocked",
      reason: "policy",
      exit: null,
      signal: null,
      stdout: "",
      stderr: "",
      truncated: false,
      usage: { wall_ms: 0, cpu_ms: 0, max_rss_bytes: 0 },
      outputs: [],
      isolation: "gvisor",
      audit_file: join(folder.path, "f.json.audit.jsonl"),
    });
    expect(readdirSync(folder.path).sort()).toEqual([
      ...["c.json", "f.json", "f.json.audit.jsonl", "r.json"],
    ]);
  });

  it("takes nothing over from an earlier run of the same name", async () => {
    await run({}, { ...REQUEST, run_id: "first", source: 1 });
    const { result } = await run({}, { ...REQUEST, run_id: "second", source: 1 });
    expect(new Set(recordOf(result).map(({ run_id }) => run_id))).toEqual(new Set(["second"]));
  });
});

describe("a request", () => {
  const settings = { ...SETTINGS, isolation: "gvisor" };
  const parsed = (more: object, text = JSON.stringify({ ...REQUEST, ...more })) => {
    const asked = parseRequest(text, settings);
    if (!asked.ok) throw new Error(asked.problem);
    return asked.request;
  };

  it("gets the settings' limits where it names none, and never more than them", () => {
    const limits = parsed({ limits: { memory_mb: 1e9, disk_mb: 1e9, cpu_s: 1e9 } }).limits;
    expect(limits).toEqual(parsed({}).limits);
    expect(parsed({ limits: { memory_mb: 32, cpu_s: 0.5 } }).limits).toMatchObject({
      memoryBytes: 32 * 2 ** 20,
      cpuMs: 500,
    });
  });

  it("has no network unless it asks for it and the settings have one", () => {
    expect(parsed({}).egress).toBe("none");
    expect(parsed({ network: true }).egress).toBe("none");
    const open = { ...settings, network: { mode: "whitelist" } } as const;
    const asked = parseRequest(JSON.stringify({ ...REQUEST, network: true }), open);
    expect(asked).toMatchObject({ ok: true, request: { egress: "settings" } });
  });

  it("keeps a variable with a hostile name, to be judged and not lost", () => {
    const text = `{"tenant":"a","run_id":"r","language":"bash","source":"","env":{"__proto__":"x"}}`;
    expect(Object.keys(parsed({}, text).env)).toEqual(["__proto__"]);
  });

  it("takes null for what is left out", () => {
    const nothing = { argv: null, stdin: null, env: null, limits: null, outputs: null };
    expect(parsed(nothing)).toEqual(parsed({}));
  });
});
