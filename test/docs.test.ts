import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { refuse } from "../core/refuse.ts";

const root = join(import.meta.dirname, "..");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];
const textOf = (page: string) => readFileSync(join(root, page), "utf8");

// What a page calls by its path: `core/pipeline.ts`, `skills/bundled/`, [text](docs/refusals.md).
const FOLDERS = "bench|channels|cli|config|core|docs|sandbox|scripts|skills|test";
const QUOTED = new RegExp(`\`((?:${FOLDERS})/[\\w./-]*)\``, "g");
const LINKED = /\]\(([^)#:]+)\)/g;

describe("the documentation", () => {
  it.each(pages)("names only paths that exist: %s", (page) => {
    const quoted = [...textOf(page).matchAll(QUOTED)].map((match) => join(root, match[1] ?? ""));
    const linked = [...textOf(page).matchAll(LINKED)].map((match) =>
      join(root, dirname(page), match[1] ?? ""),
    );
    expect([...quoted, ...linked].filter((path) => !existsSync(path))).toEqual([]);
  });

  it("explains every refusal code, and no other", () => {
    const explained = [...textOf("docs/refusals.md").matchAll(/^\| `([A-Z_]+)`/gm)].map(
      (match) => match[1],
    );
    const source = readFileSync(join(root, "core/contract/reply.ts"), "utf8");
    const codes = [...source.matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map((match) => match[1] ?? "");
    expect(explained.sort()).toEqual([...codes].sort());
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes) {
      for (const locale of ["en", "zh-Hant", "zh-Hans"] as const) {
        expect(refuse(code as Parameters<typeof refuse>[0], locale).markdown).toContain(
          `[${code}]`,
        );
      }
    }
  });
});
