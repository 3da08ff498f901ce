import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addExamples, EXAMPLES } from "../../cli/examples.ts";
import { VERBS } from "../../cli/verbs.ts";
import { createIo } from "./captured-io.ts";

/** Every verb of the command line, which then does nothing but tell its name. */
const program = (told: (verb: string) => void): Command => {
  const root = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const register of VERBS) register(root, createIo("/").io);
  const quieten = (command: Command, path: readonly string[]): void => {
    for (const sub of command.commands) {
      const name = [...path, sub.name()];
      if (sub.commands.length === 0) sub.action(() => told(name.join(" ")));
      quieten(sub, name);
    }
  };
  quieten(root, []);
  return root;
};

const verbsOf = (command: Command, path: readonly string[] = []): readonly string[] =>
  command.commands.flatMap((sub) => {
    const name = [...path, sub.name()];
    return sub.commands.length > 0 ? verbsOf(sub, name) : [name.join(" ")];
  });

/** As a shell splits it, without where input comes from and output goes. */
const wordsOf = (line: string): readonly string[] =>
  [...line.replace(/ [<>] \S+$/, "").matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, bare]) => quoted ?? bare ?? "",
  );

describe("the examples in --help", () => {
  it("are there for every verb, and for no other", () => {
    expect([...EXAMPLES.keys()].sort()).toEqual([...verbsOf(program(() => {}))].sort());
  });

  it.each([...EXAMPLES])("of %s are understood", async (verb, lines) => {
    for (const line of lines) {
      let told = "";
      await program((name) => {
        told = name;
      }).parseAsync([...wordsOf(line)], { from: "user" });
      expect(told, line).toBe(verb);
    }
  });

  it("stand below the options", () => {
    const root = program(() => {});
    addExamples(root);
    const show = root.commands
      .find((each) => each.name() === "queue")
      ?.commands.find((each) => each.name() === "show");
    let help = "";
    show?.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toMatch(/--json[\s\S]*For example:\n {2}npx clawgate queue show 412\n/);
  });
});
