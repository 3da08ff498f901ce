import type { ChangeAll } from "../store/after-change.ts";
import type { endTurnDone, endTurnsDone } from "./inbox-rows.ts";
import { manyIds } from "./many-ids.ts";

/**
 * What ends the turns of this owner's messages, by their ids: one for each tenant, which has its own wall.
 * `many` ends those that share a commit.
 */
export const createTurnEnds = (
  owner: string,
  one: typeof endTurnDone,
  many: typeof endTurnsDone,
): ((tenantId: string) => ChangeAll<number>) => {
  const ends = new Map<string, ChangeAll<number>>();
  const make =
    (tenantId: string): ChangeAll<number> =>
    async (transaction, ids) => {
      const [id] = ids;
      const isAlone = id !== undefined && ids.length === 1;
      if (isAlone) return transaction.run(one, { tenantId, id, owner });
      let ended = 0;
      for (const group of manyIds({ tenantId, owner }, ids)) {
        ended += await transaction.run(many, group);
      }
      return ended;
    };
  return (tenantId) => {
    const end = ends.get(tenantId) ?? make(tenantId);
    ends.set(tenantId, end);
    return end;
  };
};
