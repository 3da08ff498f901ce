import fc from "fast-check";
import { expect, it } from "vitest";
import { IdList } from "../../../../core/safety/moderation/id-list.ts";

it("gives back what it was made of, by index and one after the other", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (ids) => {
      const list = new IdList(ids);
      expect([...list]).toEqual(ids);
      expect(ids.map((_, index) => list.at(index))).toEqual(ids);
      expect([list.at(ids.length), list.at(ids.length + 1)]).toEqual(["", ""]);
    }),
  );
});
