import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createInbox, type Inbox, laneOf } from "../../../core/delivery/inbox.ts";
import { openStore, type Store } from "../../../core/store/store.ts";
import { textMessage } from "../../fakes/messages.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
let store: Store;
let inbox: Inbox;

beforeEach(async () => {
  store = await openStore(folder.path);
  inbox = createInbox(store, () => new Date(1_000));
});
afterEach(() => store.close());

describe("inbox", () => {
  it("queues a redelivered message once", async () => {
    const first = await inbox.accept(textMessage("m1"));
    const again = await inbox.accept(textMessage("m1"));
    expect(first.isNew).toBe(true);
    expect(again).toEqual({ id: first.id, isNew: false });
  });

  it("queues one of many deliveries that arrive at the same instant", async () => {
    const receipts = await Promise.all(
      Array.from({ length: 20 }, () => inbox.accept(textMessage("m1"))),
    );
    expect(receipts.filter((receipt) => receipt.isNew)).toHaveLength(1);
  });

  it("takes the same id of two channels as two messages", async () => {
    await inbox.accept(textMessage("m1"));
    const other = await inbox.accept({ ...textMessage("m1"), channel: "other" });
    expect(other.isNew).toBe(true);
  });

  it("hands back exactly what was accepted, hostile text included", async () => {
    const message = textMessage(
      "m1",
      "NUL \0, lone \ud800, 👩‍👩‍👧, \u202e, '); DROP TABLE inbox;--",
    );
    await inbox.accept(message);
    const entry = await inbox.begin(laneOf(message));
    expect(entry?.message).toEqual(message);
  });

  it("begins the messages of a lane in the order in which they arrived", async () => {
    const lane = laneOf(textMessage("m1"));
    await inbox.accept(textMessage("m1"));
    await inbox.accept(textMessage("m2"));
    expect((await inbox.begin(lane))?.message.id).toBe("m1");
  });

  it("counts the times a message was begun, so that one which kills the process can be told", async () => {
    const message = textMessage("m1");
    await inbox.accept(message);
    await inbox.begin(laneOf(message));
    expect((await inbox.begin(laneOf(message)))?.attempt).toBe(2);
  });

  it("lists lanes with work, longest waiting first", async () => {
    const [late, early] = [textMessage("m2", "x", "bo"), textMessage("m1", "x", "an")];
    await inbox.accept(early);
    await inbox.accept(late);
    expect(await inbox.pendingLanes()).toEqual([laneOf(early), laneOf(late)]);
  });

  it("keeps conversations apart whose ids could be glued into the same string", () => {
    const one = {
      ...textMessage("m"),
      workspaceId: "a",
      conversation: { id: "b:c", kind: "direct" },
    };
    const two = {
      ...textMessage("m"),
      workspaceId: "a:b",
      conversation: { id: "c", kind: "direct" },
    };
    expect(laneOf(one as never)).not.toBe(laneOf(two as never));
  });
});
