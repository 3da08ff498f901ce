import { isAlias, isMap, isNode, parseDocument, visit } from "yaml";
import type { SkillProblem } from "./errors.ts";

/** SKILL.md taken apart: plain data from the YAML between the `---` lines, and what follows. */
export interface FrontMatter {
  readonly data: Readonly<Record<string, unknown>>;
  readonly body: string;
}

const FILE = "SKILL.md";
const MAX_BYTES = 256 * 1024;
const MAX_YAML_CHARACTERS = 16 * 1024;
const FENCED = /^---[ \t]*\r?\n([\s\S]*?)^---[ \t]*(?:\r?\n([\s\S]*))?$(?![\s\S])/m;

/**
 * Reads front matter as plain scalars and maps. Anchors, aliases, explicit tags and duplicate keys
 * are refused: no skill needs them, and parsers differ on them. Undefined when anything is wrong,
 * with the reasons in `problems`.
 */
export const parseFrontMatter = (
  bytes: Buffer,
  problems: SkillProblem[],
): FrontMatter | undefined => {
  const refuse = (found: string, expected: string): undefined => {
    problems.push({ file: FILE, found, expected });
    return undefined;
  };
  if (bytes.length > MAX_BYTES) return refuse(`${bytes.length} bytes`, `at most ${MAX_BYTES}`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse("bytes that are not UTF-8", "UTF-8 text");
  }
  const parts = FENCED.exec(text);
  if (parts === null || parts.index !== 0 || parts[1] === undefined) {
    return refuse("no front matter", "YAML between two lines of ---, at the very start");
  }
  if (parts[1].length > MAX_YAML_CHARACTERS) {
    return refuse("a huge front matter", `at most ${MAX_YAML_CHARACTERS} characters`);
  }
  const document = parseDocument(parts[1], { version: "1.2", schema: "core", prettyErrors: false });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined)
    return refuse(`YAML that is not accepted (${fault.code})`, fault.message);
  let exotic: string | undefined;
  visit(document, (_key, node) => {
    if (isAlias(node)) exotic = "an alias";
    else if (isNode(node) && "anchor" in node && node.anchor !== undefined) exotic = "an anchor";
    else if (isNode(node) && node.tag !== undefined) exotic = "an explicit tag";
    return exotic === undefined ? undefined : visit.BREAK;
  });
  if (exotic !== undefined) return refuse(exotic, "plain YAML without anchors, aliases and tags");
  if (!isMap(document.contents)) return refuse("YAML that is no mapping", "`key: value` lines");
  return { data: document.toJS({ maxAliasCount: 0 }), body: (parts[2] ?? "").trim() };
};
