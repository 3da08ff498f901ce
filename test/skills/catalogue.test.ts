import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadCatalogue } from "../../skills/catalogue.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";

const temporary = temporaryFolder();

const addSkill = (folder: string, name: string, description = "Does something."): string => {
  const path = join(temporary.path, folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "SKILL.md"), `---\nname: ${name}\ndescription: ${description}\n---\n`);
  return path;
};

const load = (...folders: readonly string[]) =>
  loadCatalogue(folders.map((folder) => join(temporary.path, folder)));

describe("a catalogue", () => {
  it("loads every child folder that has a SKILL.md, and ignores the rest", async () => {
    addSkill("a", "one");
    addSkill("a", "two");
    mkdirSync(join(temporary.path, "a", "no-skill"));
    writeFileSync(join(temporary.path, "a", "README.md"), "");
    const { skills, problems } = await load("a");
    expect([...skills.keys()]).toEqual(["one", "two"]);
    expect(problems).toEqual([]);
  });

  it("leaves a broken skill out, names it, and keeps the others", async () => {
    addSkill("a", "good");
    const broken = addSkill("a", "broken", "''");
    const { skills, problems } = await load("a");
    expect([...skills.keys()]).toEqual(["good"]);
    expect(problems).toEqual([{ folder: broken, message: expect.stringContaining("description") }]);
  });

  it("loads neither of two skills with one name", async () => {
    addSkill("a", "other");
    const folders = [addSkill("a", "same"), addSkill("b", "same")];
    const { skills, problems } = await load("a", "b");
    expect([...skills.keys()]).toEqual(["other"]);
    expect(problems.map(({ folder }) => folder)).toEqual(folders);
    for (const { message } of problems) {
      for (const folder of folders) expect(message).toContain(folder);
    }
  });

  it("takes a folder that is listed twice once", async () => {
    addSkill("a", "one");
    const { skills, problems } = await load("a", "a");
    expect(skills.size).toBe(1);
    expect(problems).toEqual([]);
  });

  it("names a folder that cannot be read, and loads the others", async () => {
    addSkill("a", "one");
    const { skills, problems } = await load("missing", "a");
    expect(skills.size).toBe(1);
    expect(problems).toEqual([
      { folder: join(temporary.path, "missing"), message: expect.stringContaining("ENOENT") },
    ]);
  });
});

it("loads the bundled skills without a problem", async () => {
  const { skills, problems } = await loadCatalogue(["skills/bundled"]);
  expect(problems).toEqual([]);
  expect([...skills.keys()]).toEqual(["calculator", "csv-summary"]);
  for (const skill of skills.values()) expect(skill.entry?.language).toBe("python");
});
