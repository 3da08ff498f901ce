import { realpath } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { z } from "zod";
import type { Skill } from "../core/contract/skill.ts";
import { messageOf, SkillPackageError, type SkillProblem } from "./errors.ts";
import { parseFrontMatter } from "./front-matter.ts";
import { manifestSchema } from "./manifest.ts";
import { createValidator } from "./shape.ts";
import { digestOf, readTree } from "./tree.ts";

const FILE = "SKILL.md";
const MAX_SCHEMA_BYTES = 64 * 1024;

/**
 * Reads an Agent Skills folder. Nothing of it is executed. Throws SkillPackageError with everything
 * that is wrong with it, be it the author's mistake or an attack.
 * @see https://agentskills.io/specification
 */
export const loadSkill = async (folder: string): Promise<Skill> => {
  const problems: SkillProblem[] = [];
  const skill = await read(resolve(folder), problems).catch((cause: NodeJS.ErrnoException) => {
    problems.push({
      file: ".",
      found: `a folder that cannot be read (${cause.code ?? cause.message})`,
      expected: "a readable folder with a SKILL.md",
    });
    return undefined;
  });
  if (skill === undefined || problems.length > 0) throw new SkillPackageError(folder, problems);
  return skill;
};

const read = async (folder: string, problems: SkillProblem[]): Promise<Skill | undefined> => {
  const root = await realpath(folder);
  const files = await readTree(root, problems);
  const bytes = files.get(FILE);
  if (bytes === undefined) {
    problems.push({ file: FILE, found: "nothing", expected: "a SKILL.md in the folder" });
    return undefined;
  }
  const frontMatter = parseFrontMatter(bytes, problems);
  if (frontMatter === undefined) return undefined;
  const { data, body } = frontMatter;
  const checked = manifestSchema.safeParse(data);
  if (!checked.success) {
    problems.push(...checked.error.issues.flatMap((issue) => toProblems(issue, data)));
    return undefined;
  }
  const { name, description, metadata } = checked.data;
  if (name !== basename(folder)) {
    const expected = `the folder's name, ${JSON.stringify(basename(folder))}`;
    problems.push({ file: FILE, key: "name", found: JSON.stringify(name), expected });
  }
  const entry = metadata["clawgate.entry"];
  if (entry !== undefined && !files.has(entry.path)) {
    const key = "metadata.clawgate.entry";
    const expected = "the path of a regular file in the folder";
    problems.push({ file: FILE, key, found: JSON.stringify(entry.path), expected });
  }
  const input = readSchema(files, "clawgate.input", metadata["clawgate.input"], problems);
  const output = readSchema(files, "clawgate.output", metadata["clawgate.output"], problems);
  return {
    name,
    description,
    instructions: body,
    folder: root,
    files,
    digest: digestOf(files),
    ...(entry && { entry }),
    risk: metadata["clawgate.risk"],
    egress: metadata["clawgate.egress"],
    secrets: metadata["clawgate.secrets"],
    limits: metadata["clawgate.limits"],
    ...(input && { input }),
    ...(output && { output }),
  };
};

const toProblems = (issue: z.core.$ZodIssue, data: unknown): readonly SkillProblem[] => {
  if (issue.code === "unrecognized_keys") {
    const expected = `only the keys ${Object.keys(manifestSchema.shape).join(", ")}`;
    return issue.keys.map((key) => ({ file: FILE, key, found: "an unknown key", expected }));
  }
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    data,
  );
  const key = issue.path.map(String).join(".");
  return [{ file: FILE, key, found: shown(found), expected: issue.message }];
};

const shown = (value: unknown): string => {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
};

const readSchema = (
  files: Skill["files"],
  key: string,
  path: string | undefined,
  problems: SkillProblem[],
): Readonly<Record<string, unknown>> | undefined => {
  if (path === undefined) return undefined;
  const refuse = (found: string, expected: string): undefined => {
    problems.push({ file: path, found, expected });
    return undefined;
  };
  const bytes = files.get(path);
  if (bytes === undefined) return refuse("nothing", `the file that metadata.${key} names`);
  if (bytes.length > MAX_SCHEMA_BYTES) {
    return refuse(`${bytes.length} bytes`, `at most ${MAX_SCHEMA_BYTES}`);
  }
  try {
    const schema: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof schema !== "object" || schema === null || Array.isArray(schema)) {
      return refuse("JSON that is no object", "a JSON schema of an object");
    }
    createValidator(schema as Record<string, unknown>);
    return schema as Record<string, unknown>;
  } catch (cause) {
    return refuse(
      `a schema that cannot be used (${messageOf(cause)})`,
      "a JSON schema that can be checked",
    );
  }
};
