import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Skill } from "../core/contract/skill.ts";
import { messageOf } from "./errors.ts";
import { loadSkill } from "./package.ts";

/** The skills that could be loaded, by name, and what kept the others out. */
export interface Catalogue {
  readonly skills: ReadonlyMap<string, Skill>;
  readonly problems: readonly CatalogueProblem[];
}

interface CatalogueProblem {
  readonly folder: string;
  readonly message: string;
}

/**
 * Loads every child folder that holds a SKILL.md. Never throws: a broken skill, or an unreadable
 * folder, is left out and named, and takes no other down. Of two skills with one name neither is
 * loaded, since which one a tenant allowed cannot be told.
 */
export const loadCatalogue = async (folders: readonly string[]): Promise<Catalogue> => {
  const problems: CatalogueProblem[] = [];
  const loaded = new Map<string, Skill[]>();
  for (const folder of new Set(folders)) {
    for (const child of await skillFolders(folder, problems)) {
      try {
        const skill = await loadSkill(child);
        loaded.set(skill.name, [...(loaded.get(skill.name) ?? []), skill]);
      } catch (cause) {
        problems.push({ folder: child, message: messageOf(cause) });
      }
    }
  }
  const skills = new Map<string, Skill>();
  for (const [name, candidates] of loaded) {
    const [only, ...others] = candidates;
    if (only !== undefined && others.length === 0) {
      skills.set(name, only);
      continue;
    }
    const places = candidates.map((skill) => skill.folder).join(" and ");
    for (const { folder } of candidates) {
      problems.push({ folder, message: `two skills are named ${name}: ${places}; remove one` });
    }
  }
  return { skills, problems };
};

const skillFolders = async (
  folder: string,
  problems: CatalogueProblem[],
): Promise<readonly string[]> => {
  try {
    const names = (await readdir(folder)).sort();
    const found: string[] = [];
    for (const name of names) {
      const manifest = await stat(join(folder, name, "SKILL.md")).catch(() => undefined);
      if (manifest !== undefined) found.push(join(folder, name));
    }
    return found;
  } catch (cause) {
    problems.push({ folder, message: `cannot read skill folder: ${messageOf(cause)}` });
    return [];
  }
};
