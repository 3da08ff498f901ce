import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { VERBS } from "../../cli/verbs.ts";
import { chatPermission, OPERATIONS } from "../../core/operators/permission-table.ts";
import { createIo } from "./captured-io.ts";

const leaves = (command: Command, words: readonly string[] = []): readonly string[] =>
  command.commands.length === 0
    ? [words.join(" ")]
    : command.commands.flatMap((child) => leaves(child, [...words, child.name()]));

const declared = (face: "cli" | "chat") =>
  OPERATIONS.flatMap((operation) => {
    const name: unknown = Reflect.get(operation, face);
    return typeof name === "string" ? [name] : [];
  });

describe("the table of permissions", () => {
  it("has every verb of the command line, and no other", () => {
    const program = new Command();
    for (const register of VERBS) register(program, createIo("/").io);
    const verbs = leaves(program);
    expect([...verbs].sort()).toEqual([...declared("cli")].sort());
    expect(verbs.length).toBeGreaterThan(10);
  });

  it("has every chat command that the core looks for, and no other", () => {
    const folder = join(import.meta.dirname, "../../core");
    const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith("permission-table.ts"))
      .map((name) => readFileSync(join(folder, name), "utf8"));
    // A text that is nothing but a slash and a word; `/app` is where the sandbox shows a skill.
    const found = sources.flatMap((source) => [...source.matchAll(/"(\/[a-z]+)"/g)]);
    const commands = new Set(found.map(([, command]) => command));
    commands.delete("/app");
    expect([...commands].sort()).toEqual([...declared("chat")].sort());
    expect(commands.size).toBeGreaterThan(0);
  });

  it("names each route, verb and command once", () => {
    for (const face of ["http", "cli", "chat"] as const) {
      const names = OPERATIONS.flatMap((operation) => Reflect.get(operation, face) ?? []);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("asks of whoever uses a command that it does not have what it asks of whoever talks", () => {
    for (const text of ["/stop", " /STOP now", "/nonsense", "hello", ""]) {
      expect(chatPermission(text)).toBe("agent:chat");
    }
  });
});
