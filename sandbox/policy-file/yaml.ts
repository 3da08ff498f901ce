import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  parseAllDocuments,
  type Scalar,
} from "yaml";
import { formatPath, type Problem, type SettingsPath } from "../../config/problem.ts";
import { resolvePlain } from "./yaml-scalar.ts";

/** A YAML text of which every reader of YAML makes the same value. */
export interface YamlDocument {
  /** Plain objects, lists, texts, numbers, true, false; `undefined` where a key has no value. */
  readonly value: unknown;
  /** What is wrong; `value` is whole only when this is empty. */
  readonly problems: readonly Problem[];
  /** The line, from 1, of the value at `path`, or of the nearest thing around it. */
  lineOf(path: SettingsPath): number;
}

/** As much as a settings file may have; the largest published policies are a twentieth of it. */
export const MAX_POLICY_BYTES = 1024 * 1024;
const MAX_DEPTH = 32;
const MAX_INDENTATION = 256;
const MAX_SYNTAX_PROBLEMS = 20;

const ROOT = "policy";
const WRITTEN = "YAML; text that begins with * & ! [ { or % stands in quotes";
// All but tab, line feed, carriage return and next line.
const CONTROL = /[^\P{Cc}\t\n\r\u0085]/u;

/** Reads the part of YAML that has one meaning. Does not throw. */
export const readYaml = (text: string): YamlDocument => {
  const lines = new LineCounter();
  const none = (problems: readonly Problem[]): YamlDocument => ({
    value: undefined,
    problems,
    lineOf: () => 1,
  });
  const early = tooLarge(text) ?? controlCharacter(text) ?? tooDeep(text);
  if (early !== undefined) return none([early]);
  // "failsafe" leaves every plain word a text, so that what it means is decided here; the search
  // for duplicate keys is quadratic there and linear here.
  const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false } as const;
  const parsed = parseAllDocuments(text, { ...options, lineCounter: lines });
  const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const wrong = (offset: number, found: string, expected: string): Problem => ({
    path: ROOT,
    found,
    expected,
    line: lineAt(offset),
  });
  const errors = documents.flatMap(({ errors }) => errors);
  if (errors.length > 0) {
    return none(
      errors
        .slice(0, MAX_SYNTAX_PROBLEMS)
        .map(({ code, message, pos }) =>
          code === "TAB_AS_INDENT"
            ? wrong(pos[0], "a tab as indentation", "spaces")
            : wrong(pos[0], `a syntax error (${message.replace(/\s+/g, " ")})`, WRITTEN),
        ),
    );
  }
  const [document, second] = documents;
  if (document === undefined) return none([wrong(0, "nothing", "a policy: version: 1 …")]);
  if (second !== undefined) {
    return none([wrong(second.range[0], "a second document", "one policy in a file")]);
  }
  if (document.directives.docStart && document.directives.yaml.explicit) {
    return none([wrong(0, "a %YAML directive", "no directives; YAML 1.2 is meant")]);
  }
  return walk(document, lineAt);
};

const tooLarge = (text: string): Problem | undefined => {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_POLICY_BYTES) return undefined;
  return { path: ROOT, found: `${bytes} bytes`, expected: `at most ${MAX_POLICY_BYTES} bytes` };
};

const controlCharacter = (text: string): Problem | undefined => {
  const at = text.search(CONTROL);
  if (at < 0) return undefined;
  const code = text.charCodeAt(at).toString(16).padStart(4, "0").toUpperCase();
  const line = text.slice(0, at).split("\n").length;
  const expected = "printable text; in double quotes it can be written as an escape";
  return { path: ROOT, found: `the control character U+${code}`, expected, line };
};

// What composes the document recurses, so depth is bounded before it runs: by what opens a level.
const tooDeep = (text: string): Problem | undefined => {
  let line = 1;
  let isLineStart = true;
  let inFlow = 0;
  let inLine = 0;
  for (const token of new Lexer().lex(text)) {
    if (isLineStart && /^ +$/.test(token) && token.length > MAX_INDENTATION) inLine = MAX_DEPTH + 1;
    if (token === "[" || token === "{") inFlow += 1;
    if (token === "]" || token === "}") inFlow -= 1;
    if (inFlow === 0 && (token === "-" || token === "?" || token === ":")) inLine += 1;
    if (inFlow > MAX_DEPTH || inLine > MAX_DEPTH) {
      const expected = `at most ${MAX_DEPTH} levels of nesting`;
      return { path: ROOT, found: "deeper nesting", expected, line };
    }
    isLineStart = token.endsWith("\n");
    if (isLineStart) inLine = 0;
    for (let at = token.indexOf("\n"); at >= 0; at = token.indexOf("\n", at + 1)) line += 1;
  }
  return undefined;
};

type Node = unknown;

const walk = (document: Document.Parsed, lineAt: (offset: number) => number): YamlDocument => {
  const problems: Problem[] = [];
  const offsets = new Map<string, number>();
  const report = (path: SettingsPath, node: Node, found: string, expected: string): undefined => {
    const at = formatPath(path);
    const offset = offsetOf(node) ?? offsets.get(at) ?? 0;
    problems.push({ path: at === "settings" ? ROOT : at, found, expected, line: lineAt(offset) });
  };

  const toValue = (node: Node, path: SettingsPath): unknown => {
    const offset = offsetOf(node);
    if (offset !== undefined) offsets.set(formatPath(path), offset);
    if (path.length > MAX_DEPTH) {
      return report(path, node, "deeper nesting", `at most ${MAX_DEPTH} levels of nesting`);
    }
    const odd = oddity(node);
    if (odd !== undefined) return report(path, node, odd.found, odd.expected);
    if (isMap(node)) return toObject(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => toValue(item, [...path, index]));
    if (isScalar(node)) return toScalar(node, path);
    return undefined;
  };

  const toScalar = (node: Scalar, path: SettingsPath): unknown => {
    if (node.type !== "PLAIN") return String(node.value);
    const plain = resolvePlain(node.source ?? "");
    if ("value" in plain) return plain.value;
    return report(path, node, plain.found, plain.expected);
  };

  const toObject = (items: readonly Pair[], path: SettingsPath): unknown => {
    const entries = new Map<string, unknown>();
    for (const { key, value } of items) {
      const name = keyOf(key, path);
      if (name === undefined) continue;
      const at = [...path, name];
      if (entries.has(name)) report(at, key, "the same key again", "each key once");
      else if (name === "__proto__") report(at, key, "a key that nothing may have", "no such key");
      else {
        const offset = offsetOf(key);
        if (offset !== undefined) offsets.set(formatPath(at), offset);
        entries.set(name, toValue(value, at));
      }
    }
    return Object.fromEntries(entries);
  };

  const keyOf = (key: Node, path: SettingsPath): string | undefined => {
    const odd = oddity(key);
    if (odd !== undefined) return report(path, key, odd.found, odd.expected);
    if (!isScalar(key)) return report(path, key, "a key that is a list or a map", "a text as key");
    if (key.type !== "PLAIN") return String(key.value);
    const source = key.source ?? "";
    if (source === "<<") return report(path, key, "a merge key (<<)", "the keys written out");
    const plain = resolvePlain(source);
    if ("value" in plain && typeof plain.value === "string") return plain.value;
    const found = source === "" ? "a key without a name" : `the key ${source}, which is no text`;
    return report(path, key, found, source === "" ? "a name" : `"${source}" in quotes`);
  };

  const value = toValue(document.contents, []);
  const lineOf = (path: SettingsPath): number => {
    for (let length = path.length; length >= 0; length -= 1) {
      const offset = offsets.get(formatPath(path.slice(0, length)));
      if (offset !== undefined) return lineAt(offset);
    }
    return 1;
  };
  return { value, problems, lineOf };
};

/** What no policy needs and what hides its meaning from a person who reads it. */
const oddity = (node: Node): { found: string; expected: string } | undefined => {
  const expected = "the value written out; in quotes when text is meant";
  if (isAlias(node)) return { found: `an alias (*${node.source})`, expected };
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return undefined;
  if (node.anchor !== undefined) return { found: `an anchor (&${node.anchor})`, expected };
  if (node.tag !== undefined) return { found: `a tag (${node.tag})`, expected: "no tags" };
  return undefined;
};

const offsetOf = (node: Node): number | undefined =>
  isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
