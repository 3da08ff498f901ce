import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SkillPackageError as PackageError, type SkillPackageError } from "../../skills/errors.ts";
import { loadSkill } from "../../skills/package.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";

const temporary = temporaryFolder();

type Files = Readonly<Record<string, string | Buffer>>;

const MANIFEST = `---
name: greeter
description: Greets people by name.
license: Apache-2.0
compatibility: Python 3.9 or newer
allowed-tools: Bash Read
metadata:
  author: someone
  clawgate.entry: scripts/run.py
  clawgate.egress: "api.example.com:443 *.example.org:8443"
  clawgate.secrets: API_KEY TOKEN_2
  clawgate.risk: high
  clawgate.input: schemas/input.json
  clawgate.output: schemas/output.json
  clawgate.limits: wall_seconds=10 cpu_seconds=5 memory_mb=256
---

# Greeter

Say hello.
`;

const SCHEMA = JSON.stringify({ type: "object", properties: { name: { type: "string" } } });

const WHOLE: Files = {
  "SKILL.md": MANIFEST,
  "scripts/run.py": "print('{}')\n",
  "schemas/input.json": SCHEMA,
  "schemas/output.json": SCHEMA,
};

const write = (files: Files, name = "greeter"): string => {
  const folder = join(temporary.path, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
};

const manifest = (lines: string): Files => ({ ...WHOLE, "SKILL.md": `---\n${lines}\n---\nBody\n` });

const base = "name: greeter\ndescription: Greets.";

const refusalOf = async (folder: string): Promise<SkillPackageError> => {
  const error: unknown = await loadSkill(folder).catch((cause) => cause);
  expect(error).toBeInstanceOf(PackageError);
  return error as SkillPackageError;
};

describe("a valid folder", () => {
  it("loads with everything its front matter says", async () => {
    const folder = write(WHOLE);
    const skill = await loadSkill(folder);
    expect(skill).toEqual({
      name: "greeter",
      description: "Greets people by name.",
      instructions: "# Greeter\n\nSay hello.",
      folder,
      files: new Map(Object.entries(WHOLE).map(([path, text]) => [path, Buffer.from(text)])),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      entry: { path: "scripts/run.py", language: "python" },
      risk: "high",
      egress: ["api.example.com:443", "*.example.org:8443"],
      secrets: ["API_KEY", "TOKEN_2"],
      limits: { wallSeconds: 10, cpuSeconds: 5, memoryMb: 256 },
      input: JSON.parse(SCHEMA),
      output: JSON.parse(SCHEMA),
    });
  });

  it("needs no more than a name and a description", async () => {
    const skill = await loadSkill(write({ "SKILL.md": `---\n${base}\n---` }));
    expect(skill).toMatchObject({ instructions: "", risk: "low", limits: {}, egress: [] });
    expect(skill).not.toHaveProperty("entry");
  });

  it("may have Windows line ends and a byte order mark", async () => {
    const text = `\uFEFF${MANIFEST}`.replaceAll("\n", "\r\n");
    expect((await loadSkill(write({ ...WHOLE, "SKILL.md": text }))).risk).toBe("high");
  });

  it.each([
    ["run.py", "python"],
    ["run.js", "javascript"],
    ["run.mjs", "javascript"],
    ["run.cjs", "javascript"],
    ["run.sh", "bash"],
  ])("runs %s as %s", async (path, language) => {
    const files = manifest(`${base}\nmetadata: { clawgate.entry: ${path} }`);
    expect((await loadSkill(write({ ...files, [path]: "" }))).entry).toEqual({ path, language });
  });

  it("counts characters of a description as people do", async () => {
    const ok = manifest(`name: greeter\ndescription: ${"😀".repeat(1024)}`);
    expect((await loadSkill(write(ok))).description).toHaveLength(2048);
  });
});

describe("the digest", () => {
  it("depends on names and bytes and on nothing else", async () => {
    const first = await loadSkill(write(WHOLE));
    const folder = join(temporary.path, "elsewhere", "greeter");
    mkdirSync(dirname(folder));
    for (const path of Object.keys(WHOLE).reverse()) {
      write({ [path]: WHOLE[path] ?? "" }, "elsewhere/greeter");
    }
    expect((await loadSkill(folder)).digest).toBe(first.digest);
  });

  it("changes with any byte, any name, and a byte that moves to the next file", async () => {
    const seen = new Set<string>();
    const variants: Files[] = [
      { a: "xy", b: "z" },
      { a: "x", b: "yz" },
      { a: "xy", b: "", c: "z" },
      { ab: "xy", c: "z" },
      { "a/b": "xyz" },
      { ab: "xyz" },
    ];
    for (const extra of variants) {
      seen.add((await loadSkill(write({ ...WHOLE, ...extra }))).digest);
      rmSync(join(temporary.path, "greeter"), { recursive: true });
    }
    expect(seen.size).toBe(variants.length);
  });
});

describe("front matter", () => {
  const long = (count: number) => "x".repeat(count);
  const cases: readonly [string, string, string][] = [
    ["an upper-case name", "name: Greeter\ndescription: d", "name"],
    ["a name with two hyphens in a row", "name: gree--ter\ndescription: d", "name"],
    ["a name that begins with a hyphen", "name: -greeter\ndescription: d", "name"],
    ["a name that is a path", "name: ../greeter\ndescription: d", "name"],
    ["a name in look-alike letters", "name: greetеr\ndescription: d", "name"],
    ["a name of 65 characters", `name: ${long(65)}\ndescription: d`, "name"],
    ["another name than the folder's", "name: other\ndescription: d", "name"],
    ["no name", "description: d", "name"],
    ["no description", "name: greeter", "description"],
    ["an empty description", "name: greeter\ndescription: ''", "description"],
    [
      "a description of 1025 characters",
      `name: greeter\ndescription: ${long(1025)}`,
      "description",
    ],
    [
      "a description that steers a terminal",
      'name: greeter\ndescription: "a\\e[2Jb"',
      "description",
    ],
    [
      "a description that turns what follows around",
      'name: greeter\ndescription: "a\\u202eb"',
      "description",
    ],
    ["a compatibility of 501 characters", `${base}\ncompatibility: ${long(501)}`, "compatibility"],
    ["a key outside the specification", `${base}\nversion: "1"`, "version"],
    ["metadata that is a list", `${base}\nmetadata: [a]`, "metadata"],
    ["metadata with a number", `${base}\nmetadata: { version: 1.0 }`, "metadata.version"],
    ["metadata with a map", `${base}\nmetadata: { a: { b: c } }`, "metadata.a"],
    [
      "a misspelt key of ours",
      `${base}\nmetadata: { clawgate.entri: a.py }`,
      "metadata.clawgate.entri",
    ],
    ["an unknown risk", `${base}\nmetadata: { clawgate.risk: none }`, "metadata.clawgate.risk"],
    [
      "an entry in another language",
      `${base}\nmetadata: { clawgate.entry: run.rb }`,
      "metadata.clawgate.entry",
    ],
    [
      "an entry that is missing",
      `${base}\nmetadata: { clawgate.entry: no.py }`,
      "metadata.clawgate.entry",
    ],
    [
      "an entry outside the folder",
      `${base}\nmetadata: { clawgate.entry: ../run.py }`,
      "metadata.clawgate.entry",
    ],
    [
      "an absolute entry",
      `${base}\nmetadata: { clawgate.entry: /bin/run.py }`,
      "metadata.clawgate.entry",
    ],
    [
      "an entry with backslashes",
      `${base}\nmetadata: { clawgate.entry: 'scripts\\run.py' }`,
      "metadata.clawgate.entry",
    ],
    [
      "an entry that is a folder",
      `${base}\nmetadata: { clawgate.entry: scripts }`,
      "metadata.clawgate.entry",
    ],
    [
      "egress without a port",
      `${base}\nmetadata: { clawgate.egress: example.com }`,
      "metadata.clawgate.egress",
    ],
    [
      "egress to an address",
      `${base}\nmetadata: { clawgate.egress: "127.0.0.1:80" }`,
      "metadata.clawgate.egress",
    ],
    [
      "egress to everything",
      `${base}\nmetadata: { clawgate.egress: "*:443" }`,
      "metadata.clawgate.egress",
    ],
    [
      "egress to port 0",
      `${base}\nmetadata: { clawgate.egress: "a.example:0" }`,
      "metadata.clawgate.egress",
    ],
    [
      "a secret in lower case",
      `${base}\nmetadata: { clawgate.secrets: token }`,
      "metadata.clawgate.secrets",
    ],
    [
      "an unknown limit",
      `${base}\nmetadata: { clawgate.limits: disk_mb=1 }`,
      "metadata.clawgate.limits",
    ],
    [
      "an inherited limit",
      `${base}\nmetadata: { clawgate.limits: constructor=1 }`,
      "metadata.clawgate.limits",
    ],
    [
      "a limit twice",
      `${base}\nmetadata: { clawgate.limits: memory_mb=1 memory_mb=2 }`,
      "metadata.clawgate.limits",
    ],
    [
      "a negative limit",
      `${base}\nmetadata: { clawgate.limits: wall_seconds=-1 }`,
      "metadata.clawgate.limits",
    ],
    [
      "an unlimited limit",
      `${base}\nmetadata: { clawgate.limits: wall_seconds=999999 }`,
      "metadata.clawgate.limits",
    ],
  ];

  it.each(cases)("refuses %s", async (_name, lines, key) => {
    const { problems } = await refusalOf(write(manifest(lines)));
    expect(problems.map((problem) => problem.key)).toContain(key);
    for (const { file, expected } of problems) {
      expect(file).toBe("SKILL.md");
      expect(expected).not.toBe("");
    }
  });

  it("names all problems at once", async () => {
    const lines = "name: Bad\ndescription: ''\nversion: 1\nmetadata: { a: 1, clawgate.risk: x }";
    const { problems, message } = await refusalOf(write(manifest(lines)));
    const keys = ["name", "description", "version", "metadata.a", "metadata.clawgate.risk"];
    expect(problems.map(({ key }) => key).sort()).toEqual(keys.sort());
    for (const key of keys) expect(message).toContain(key);
  });

  it.each([
    ["no front matter", "# Title\n"],
    ["front matter that never ends", `---\n${base}\n`],
    ["front matter that is not first", `\n---\n${base}\n---\n`],
    ["a duplicate key", `---\n${base}\nname: greeter\n---\n`],
    ["an anchor", `---\nname: &n greeter\ndescription: d\n---\n`],
    ["an alias", `---\nname: &n greeter\ndescription: *n\n---\n`],
    ["a merge key", `---\n${base}\n<<: { license: x }\n---\n`],
    ["a custom tag", `---\nname: !!js/function greeter\ndescription: d\n---\n`],
    ["an explicit tag", `---\nname: !!str greeter\ndescription: d\n---\n`],
    ["a list", "---\n- a\n---\n"],
    ["a scalar", "---\nhello\n---\n"],
    ["broken YAML", "---\nname: [\n---\n"],
    ["a prototype key", `---\n${base}\n__proto__: { license: x }\n---\n`],
    ["deeply nested YAML", `---\n${base}\nmetadata: ${"[".repeat(15_000)}\n---\n`],
    ["a huge front matter", `---\n${base}\n# ${"x".repeat(20_000)}\n---\n`],
    ["a huge SKILL.md", `---\n${base}\n---\n${"x".repeat(300_000)}`],
    ["bytes that are not UTF-8", Buffer.from([0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0xfe])],
  ])("refuses %s", async (_name, content) => {
    const { problems } = await refusalOf(write({ ...WHOLE, "SKILL.md": content }));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]?.file).toBe("SKILL.md");
  });

  it("is never taken for a skill, nor crashes, whatever it holds", async () => {
    const folder = write(WHOLE);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        writeFileSync(join(folder, "SKILL.md"), `---\n${text}\n---\n`);
        await refusalOf(folder);
      }),
      { numRuns: 200 },
    );
  });
});

describe("schemas", () => {
  it.each([
    ["is missing", undefined],
    ["is not JSON", "{"],
    ["is no object", "[]"],
    ["is not of an object", '{"type":"string"}'],
    ["is too big", JSON.stringify({ type: "object", description: "x".repeat(70_000) })],
    [
      "cannot be checked",
      '{"type":"object","properties":{"a":{"type":"string","pattern":"(a+)+$"}}}',
    ],
  ])("are refused when one %s", async (_name, content) => {
    const folder = write({ ...WHOLE, "schemas/input.json": content ?? "" });
    if (content === undefined) rmSync(join(folder, "schemas/input.json"));
    const { problems } = await refusalOf(folder);
    expect(problems.map(({ file }) => file)).toEqual(["schemas/input.json"]);
  });
});

describe("hostile folders", () => {
  it.each([
    ["a link to a host file", "/etc/passwd", "secret.txt"],
    ["a link that climbs out", "../../outside", "up"],
    ["a link to a device", "/dev/zero", "zero"],
    ["a link that stays inside", "SKILL.md", "inside"],
    ["a link that goes nowhere", "nowhere", "broken"],
  ])("refuses %s", async (_name, target, name) => {
    const folder = write(WHOLE);
    symlinkSync(target, join(folder, name));
    const { problems } = await refusalOf(folder);
    expect(problems).toEqual([
      { file: name, found: "a symbolic link", expected: "a regular file" },
    ]);
  });

  it("refuses an entry that is a link to a host file", async () => {
    const folder = write(WHOLE);
    rmSync(join(folder, "scripts/run.py"));
    symlinkSync("/etc/passwd", join(folder, "scripts/run.py"));
    const { problems } = await refusalOf(folder);
    expect(problems.map(({ file }) => file)).toContain("scripts/run.py");
  });

  it("refuses a SKILL.md that is a link", async () => {
    const folder = write(WHOLE);
    rmSync(join(folder, "SKILL.md"));
    writeFileSync(join(temporary.path, "elsewhere.md"), MANIFEST);
    symlinkSync(join(temporary.path, "elsewhere.md"), join(folder, "SKILL.md"));
    await refusalOf(folder);
  });

  it("attack: a secret of the host under a name in the folder", async () => {
    const [folder, secret] = [write(WHOLE), join(temporary.path, "secret")];
    writeFileSync(secret, "s3cret", { mode: 0o600 });
    linkSync(secret, join(folder, "notes.txt"));
    mkdirSync(join(folder, "closed"), { mode: 0o700 });
    const { problems } = await refusalOf(folder);
    expect(problems.map(({ file }) => file).sort()).toEqual(["closed", "notes.txt"]);
    expect(problems[0]?.expected).toContain("chmod");
  });

  it("keeps the bytes that it read, whatever becomes of the folder", async () => {
    const folder = write(WHOLE);
    const { files, digest } = await loadSkill(folder);
    writeFileSync(join(folder, "scripts/run.py"), "import evil");
    expect(files.get("scripts/run.py")?.toString()).toBe("print('{}')\n");
    expect((await loadSkill(folder)).digest).not.toBe(digest);
  });

  it("refuses a pipe without waiting on it", async () => {
    const folder = write(WHOLE);
    execFileSync("python3", ["-c", "import os, sys; os.mkfifo(sys.argv[1])", join(folder, "pipe")]);
    const { problems } = await refusalOf(folder);
    expect(problems[0]?.file).toBe("pipe");
  });

  it.each([
    ["a control character", Buffer.from("a\u001b[2Jb")],
    ["a line break", Buffer.from("a\nb")],
    ["a right-to-left override", Buffer.from("a\u202egnp.exe")],
    ["a backslash", Buffer.from("a\\b")],
    ["bytes that are not UTF-8", Buffer.from([0x61, 0xff])],
  ])("refuses a file name with %s", async (_name, name) => {
    const folder = write(WHOLE);
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), "");
    const { problems, message } = await refusalOf(folder);
    expect(problems[0]?.found).toBe("an unsafe name");
    expect(message.replaceAll("\n", "")).not.toMatch(/\p{C}/u);
  });

  it("stops at a tree with too many files", async () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`d/${i}`, ""]));
    const { problems } = await refusalOf(write({ ...WHOLE, ...many }));
    expect(problems[0]?.expected).toContain("1000");
  });

  it("stops at a tree that is too deep", async () => {
    const { problems } = await refusalOf(write({ ...WHOLE, [`${"d/".repeat(13)}f`]: "" }));
    expect(problems[0]?.expected).toContain("levels");
  });

  it("stops at a folder that is too big", async () => {
    const half = Buffer.alloc(9 * 1024 * 1024);
    const { problems } = await refusalOf(write({ ...WHOLE, a: half, b: half }));
    expect(problems[0]?.expected).toContain("bytes");
  });

  it("says so when there is no such folder, or no SKILL.md in it", async () => {
    expect((await refusalOf(join(temporary.path, "none"))).message).toContain("ENOENT");
    const { problems } = await refusalOf(write({ "README.md": "" }));
    expect(problems[0]?.file).toBe("SKILL.md");
  });

  it("follows a link to the folder itself, which an operator made", async () => {
    const folder = write(WHOLE, "store/greeter");
    symlinkSync(folder, join(temporary.path, "greeter"));
    const skill = await loadSkill(join(temporary.path, "greeter"));
    expect(skill.folder).toBe(folder);
    expect(basename(skill.folder)).toBe("greeter");
  });
});
