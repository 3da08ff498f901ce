import {
  createScanner,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { formatPath, type Problem, type SettingsPath } from "./problem.ts";

/** JSON with comments and trailing commas, read. */
export interface JsoncDocument {
  readonly value: unknown;
  /** Duplicate keys and the like; `value` is then still usable. */
  readonly problems: readonly Problem[];
  /** The line, from 1, of the value at `path`, or of the nearest thing around it. */
  lineOf(path: SettingsPath): number;
}

const MAX_DEPTH = 64;
const MAX_SYNTAX_PROBLEMS = 20;
// jsonc-parser's SyntaxKind is a const enum, which cannot be imported under verbatimModuleSyntax.
const TOKEN = { openBrace: 1, closeBrace: 2, openBracket: 3, closeBracket: 4, endOfFile: 17 };

// What would have been right there, in the words of who writes settings.
const EXPECTED_AT: ReadonlyMap<string, string> = new Map([
  ["InvalidSymbol", 'a value: text in double quotes, a number, true, false, null, "{" or "["'],
  ["ValueExpected", 'a value: text in double quotes, a number, true, false, null, "{" or "["'],
  ["PropertyNameExpected", "a key in double quotes"],
  ["ColonExpected", 'a ":" between a key and its value'],
  ["CommaExpected", 'a "," between two entries; one may be missing on the line before'],
  ["CloseBraceExpected", 'a "}" for each "{"'],
  ["CloseBracketExpected", 'a "]" for each "["'],
  ["EndOfFileExpected", "nothing after the end of the settings"],
  ["UnexpectedEndOfString", "a double quote at the end of the text, on the same line"],
  ["UnexpectedEndOfComment", 'a "*/" for each "/*"'],
  ["InvalidEscapeCharacter", 'after a backslash one of " \\ / b f n r t u'],
  ["InvalidUnicode", "four hex digits after \\u"],
  ["InvalidCharacter", "\\n, \\t or \\u0000 in place of a control character"],
]);

/** Reads `text`. Returns only `problems` when it cannot be understood; does not throw. */
export const parseJsonc = (
  text: string,
): JsoncDocument | { readonly problems: readonly Problem[]; readonly value?: never } => {
  const lineAt = createLineIndex(text);
  const refuse = (offset: number, found: string, expected: string) => ({
    problems: [{ path: "settings", found, expected, line: lineAt(offset) }],
  });
  // The parser recurses, so depth is measured before it runs.
  const tooDeepAt = findTooDeep(text);
  if (tooDeepAt !== undefined) {
    return refuse(tooDeepAt, "deeper nesting", `at most ${MAX_DEPTH} levels of nesting`);
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true });
  if (errors.length > 0) {
    return {
      problems: errors.slice(0, MAX_SYNTAX_PROBLEMS).map(({ error, offset }) => {
        const name = printParseErrorCode(error);
        const expected = text.startsWith("$", offset)
          ? "double quotes around a placeholder, also where it stands for a number"
          : (EXPECTED_AT.get(name) ?? "JSON with comments");
        return {
          path: "settings",
          found: `a syntax error (${name})`,
          expected,
          line: lineAt(offset),
        };
      }),
    };
  }
  if (root?.type !== "object") {
    return refuse(root?.offset ?? 0, describeNode(root), "an object: { … }");
  }
  const problems: Problem[] = [];
  const offsets = new Map<string, number>();
  const value = toValue(root, [], {
    visit: (path, offset) => offsets.set(formatPath(path), offset),
    report: (path, offset, found, expected) => {
      problems.push({ path: formatPath(path), found, expected, line: lineAt(offset) });
    },
  });
  const lineOf = (path: SettingsPath): number => {
    for (let length = path.length; length > 0; length -= 1) {
      const offset = offsets.get(formatPath(path.slice(0, length)));
      if (offset !== undefined) return lineAt(offset);
    }
    return lineAt(root.offset);
  };
  return { value, problems, lineOf };
};

const findTooDeep = (text: string): number | undefined => {
  const scanner = createScanner(text, true);
  let depth = 0;
  for (let token: number = scanner.scan(); token !== TOKEN.endOfFile; token = scanner.scan()) {
    if (token === TOKEN.openBrace || token === TOKEN.openBracket) depth += 1;
    if (token === TOKEN.closeBrace || token === TOKEN.closeBracket) depth -= 1;
    if (depth > MAX_DEPTH) return scanner.getTokenOffset();
  }
  return undefined;
};

const describeNode = (node: Node | undefined): string =>
  node === undefined ? "nothing" : node.type === "array" ? "a list" : `a ${node.type}`;

interface Listener {
  visit(path: SettingsPath, offset: number): void;
  report(path: SettingsPath, offset: number, found: string, expected: string): void;
}

const toValue = (node: Node, path: SettingsPath, listener: Listener): unknown => {
  listener.visit(path, node.offset);
  if (node.type === "array") {
    return (node.children ?? []).map((child, index) => toValue(child, [...path, index], listener));
  }
  if (node.type !== "object") return node.value;
  const entries = new Map<string, unknown>();
  for (const { children = [] } of node.children ?? []) {
    const [keyNode, valueNode] = children;
    if (!keyNode || !valueNode) continue;
    const key = String(keyNode.value);
    const keyPath = [...path, key];
    if (key === "__proto__") {
      listener.report(keyPath, keyNode.offset, "a key that no settings may have", "no such key");
    } else if (entries.has(key)) {
      listener.report(keyPath, keyNode.offset, "the same key again", "each key once");
    } else {
      entries.set(key, toValue(valueNode, keyPath, listener));
    }
  }
  return Object.fromEntries(entries);
};

const createLineIndex = (text: string): ((offset: number) => number) => {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
};
