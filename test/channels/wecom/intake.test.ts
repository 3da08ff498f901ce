import { expect, it } from "vitest";
import { createIntake } from "../../../channels/wecom/intake.ts";
import { OverloadError } from "../../../core/contract/errors.ts";
import { recordedMetrics } from "../../fakes/channel-metrics.ts";
import { recordedLog } from "../../fakes/log.ts";
import { textMessage } from "../../fakes/messages.ts";

const acceptWith = async (cause: Error) => {
  const [log, metrics] = [recordedLog(), recordedMetrics()];
  const intake = createIntake({ log, metrics, now: () => new Date(), note: async () => {} });
  intake.open(() => Promise.reject(cause));
  return { accepted: await intake.accept(textMessage("1")), counted: metrics.counted };
};

it("counts a message that cannot be stored, and leaves what is put off to who puts it off", async () => {
  expect(await acceptWith(new Error("the store is away"))).toEqual({
    ...{ accepted: undefined, counted: ["told text store failed"] },
  });
  expect(await acceptWith(new OverloadError("sales"))).toEqual({
    ...{ accepted: undefined, counted: [] },
  });
});
