import { describe, expect, it } from "vitest";
import { createAlphabet, createReader } from "../../../../core/safety/dlp/alphabet.ts";
import { Automaton, Walk } from "../../../../core/safety/dlp/automaton.ts";
import { createMachine } from "../../../../core/safety/dlp/machine.ts";
import { compileProgram } from "../../../../core/safety/dlp/program.ts";
import { unitsOf } from "../../../../core/safety/units.ts";

/** What it costs to look at the last of these texts, by an automaton that has looked at the others. */
const costOf = (pattern: string, texts: readonly (readonly [text: string, from: number])[]) => {
  const program = compileProgram(pattern);
  if (!program) throw new Error(`RE2 cannot express ${pattern}`);
  const alphabet = createAlphabet(program.steps);
  const read = createReader(alphabet);
  const automaton = new Automaton(createMachine([program], alphabet), "anchored");
  let cost = 0;
  for (const [text, from] of texts) {
    const meter = { left: 1_000_000 };
    automaton.begin();
    const walk = new Walk(automaton, read(unitsOf(text)), from, meter);
    walk.toLast();
    cost = 1_000_000 - meter.left;
  }
  return cost;
};

describe("an automaton", () => {
  it("charges the same for a text that begins again on the way, whatever it began with before", () => {
    const pattern = "(?:ab|cd|ef|\\b )*#";
    const text = ["ab ab ef cd#", 0] as const;
    const alone = costOf(pattern, [text]);
    expect(alone).toBeGreaterThan(0);
    expect(costOf(pattern, [["bab", 1], ["- ab", 1], text])).toBe(alone);
  });

  it("charges the same, too, where patterns tell more characters apart than a row has entries for", () => {
    const char = (at: number) => String.fromCharCode(0x4e00 + at);
    const words = Array.from({ length: 400 }, (_, at) => `${char(at)}${char(at * 7)}`);
    const pattern = `(?:${words.join("|")})*#`;
    const text = [`${words.join("")}#`, 0] as const;
    const alone = costOf(pattern, [text]);
    expect(alone).toBeGreaterThan(400 * 100);
    expect(costOf(pattern, [[words.toReversed().join(""), 0], text])).toBe(alone);
    // Every text has a number until these begin again.
    expect(
      costOf(pattern, [text, ...Array.from({ length: 600 }, () => ["", 0] as const), text]),
    ).toBe(alone);
  });

  it("asks no step for each class, of which a pattern may tell as many apart as it has steps", () => {
    const char = (at: number) => String.fromCharCode(0x4e00 + at);
    const sets = Array.from({ length: 200 }, (_, at) => `[${char(at)}${char(at + 7)}]`);
    const program = compileProgram(sets.join(""));
    let asked = 0;
    const steps = program?.steps.map(({ op, out, arg, runes }) => {
      const matchRune = (rune: number) => ++asked > 0 && Array.from(runes).includes(rune);
      return { op, out, arg, runes, matchRune };
    });
    const alphabet = createAlphabet(steps ?? []);
    const machine = createMachine([{ start: program?.start ?? 0, steps: steps ?? [] }], alphabet);
    expect(asked).toBe(0);
    expect(machine.takes.filter((isTaken) => isTaken === 1)).toHaveLength(400);
  });
});
