import { expect, it } from "vitest";
import { createConversations } from "../../../channels/discord/conversations.ts";
import { idAt } from "../../../channels/discord/payload.ts";
import { memoryState } from "../../fakes/channel-state.ts";
import { recordedLog } from "../../fakes/log.ts";

const DAY_MS = 24 * 60 * 60_000;

it("forgets rooms in which nobody has spoken for 30 days, so that memory does not fill with threads", async () => {
  let time = Date.UTC(2026, 0, 1);
  const conversations = createConversations(memoryState(), recordedLog(), () => new Date(time));
  const room = (channelId: string, at: number) => ({
    ...{ channelId, guildId: "900000000000000001", isOwned: true },
    last: idAt(new Date(at)),
  });
  await conversations.open(room("1", time));
  await conversations.open(room("2", time + 2 * DAY_MS));
  await conversations.open(room("3", time));
  conversations.pin("3");
  time += 31 * DAY_MS;
  await conversations.flush();
  const known = conversations.all(() => true).map(({ channelId }) => channelId);
  // Of the third one something behind its position may be missing.
  expect(known.toSorted()).toEqual(["2", "3"]);
});
