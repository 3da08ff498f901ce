import { beforeEach, expect, it } from "vitest";
import {
  createChannelState,
  forgetExpiredState,
} from "../../../core/channel-state/channel-state.ts";
import type { ChannelState } from "../../../core/contract/channel-state.ts";
import { cipherOn } from "../../fakes/cipher.ts";
import { describeStores } from "../../fakes/stores.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const folder = temporaryFolder();
const HOUR = 3_600_000;

describeStores("channel state", (world) => {
  let state: ChannelState;
  let other: ChannelState;
  let clock: Date;
  beforeEach(async () => {
    clock = new Date(1_700_000_000_000);
    const cipher = await cipherOn(world.store, folder.path);
    const parts = { store: world.store, cipher, now: () => clock };
    state = createChannelState("slack", parts);
    other = createChannelState("discord", parts);
  });

  it("gives back what was put last, and nothing of another channel", async () => {
    await state.put("token", "first", HOUR);
    await state.put("token", "sécond 你好", HOUR);
    expect((await state.get("token"))?.value).toBe("sécond 你好");
    expect(await other.get("token")).toBeUndefined();
    expect(await other.keys("")).toEqual([]);
  });

  it("forgets when told to, and when the time is over", async () => {
    await state.put("a", "1", HOUR);
    await state.put("b", "2", HOUR);
    await state.forget("a");
    expect(await state.get("a")).toBeUndefined();
    clock = new Date(clock.getTime() + HOUR);
    expect(await state.get("b")).toBeUndefined();
    expect(await state.keys("")).toEqual([]);
    expect(await world.sql("SELECT key FROM channel_state")).toHaveLength(1);
    await forgetExpiredState(world.store, clock);
    expect(await world.sql("SELECT key FROM channel_state")).toEqual([]);
  });

  it("lets one of many be the first, and somebody again once the time is over", async () => {
    const tries = await Promise.all(
      Array.from({ length: 8 }, (_, index) => state.putIfAbsent("lock", String(index), HOUR)),
    );
    expect(tries.filter(Boolean)).toHaveLength(1);
    expect((await state.get("lock"))?.value).toBe(String(tries.indexOf(true)));
    clock = new Date(clock.getTime() + HOUR);
    expect(await state.putIfAbsent("lock", "next", HOUR)).toBe(true);
  });

  it("replaces only what the caller has seen", async () => {
    await state.put("text", "one", HOUR);
    const seen = await state.get("text");
    const version = seen?.version ?? -1;
    const tries = await Promise.all(
      ["two", "three"].map((value) => state.replace("text", version, value, HOUR)),
    );
    expect(tries.filter(Boolean)).toHaveLength(1);
    expect(await state.replace("absent", version, "x", HOUR)).toBe(false);
    const now = await state.get("text");
    clock = new Date(clock.getTime() + HOUR);
    expect(await state.replace("text", now?.version ?? -1, "late", HOUR)).toBe(false);
  });

  it("lists keys by how they start, in order, whatever characters they are made of", async () => {
    for (const key of ["b", "a/2", "a/1", "a0", "a/%", "a/_", "a/你"])
      await state.put(key, "", HOUR);
    expect(await state.keys("a/")).toEqual(["a/%", "a/1", "a/2", "a/_", "a/你"]);
    expect(await state.keys("a/%")).toEqual(["a/%"]);
  });

  it("keeps values from whoever reads the database, and from being moved to another key", async () => {
    await state.put("token", "xoxb-planted", HOUR);
    const [row] = await world.sql("SELECT * FROM channel_state");
    expect(
      JSON.stringify(row, (_, value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value,
      ),
    ).not.toContain("planted");
    await world.sql("UPDATE channel_state SET key = 'other'");
    await expect(state.get("other")).rejects.toThrow();
  });
});
