import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvLine } from "../../cli/csv.ts";

/** What RFC 4180 makes of one line. */
const read = (line: string): string[] => {
  expect(line.endsWith("\r\n")).toBe(true);
  const cells = line.slice(0, -2).matchAll(/("(?:[^"]|"")*"|[^",]*)(?:,|$)/g);
  const found = [...cells].map(([, cell = ""]) =>
    cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell,
  );
  // The empty match behind the last cell.
  return found.slice(0, -1);
};

describe("a line of CSV", () => {
  it.each(["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "＋1", "－1", "＠x"])(
    "attack: %j is text to a spreadsheet, not a formula",
    (cell) => {
      expect(read(csvLine([cell, "x"]))).toEqual([`'${cell}`, "x"]);
    },
  );

  it("is read back as it was, whatever is in its cells", () => {
    const cell = fc.oneof(fc.string(), fc.constantFrom('a"b', "a,b", "a\r\nb", "", " "));
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1 }), (cells) => {
        const harmless = cells.map((text) =>
          /^[=+\-@\t\r\n＝＋－＠]/u.test(text) ? `'${text}` : text,
        );
        expect(read(csvLine([...cells, "end"]))).toEqual([...harmless, "end"]);
      }),
    );
  });

  it("leaves numbers as they are", () => {
    expect(csvLine([-5, true])).toBe("-5,true\r\n");
  });
});
