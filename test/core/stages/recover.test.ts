import { expect, it } from "vitest";
import { recover } from "../../../core/stages/recover.ts";
import { StoreAwayError, StoreError } from "../../../core/store/errors.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textContext } from "../../fakes/turn.ts";

it("leaves a turn undone whose store went away, to be done again, with no apology", async () => {
  const log = recordedLog();
  const lost = new StoreAwayError("PostgreSQL lost: terminating connection");
  const turn = recover(log)(textContext("hi"), () => Promise.reject(lost));
  await expect(turn).rejects.toBe(lost);
  expect(log.lines).toEqual([]);
});

it("apologises for a turn that its store refuses, which doing it again would not change", async () => {
  const refused = new StoreError("PostgreSQL refused: no such column");
  const turn = recover(recordedLog())(textContext("hi"), () => Promise.reject(refused));
  expect(await turn).toMatchObject({ kind: "refusal", code: "INTERNAL" });
});

it("apologises for a fault that a stage throws at once, as for one that it waited for", async () => {
  const turn = recover(recordedLog())(textContext("hi"), () => {
    throw new Error("broken");
  });
  expect(await turn).toMatchObject({ kind: "refusal", code: "INTERNAL" });
});
