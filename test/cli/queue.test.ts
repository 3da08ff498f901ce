import { beforeEach, describe, expect, it } from "vitest";
import { registerQueue } from "../../cli/queue.ts";
import { age, table } from "../../cli/table.ts";
import { createWorkspace } from "../config/workspace.ts";
import { type OperatedQueue, operatedQueue } from "../core/operators/operated-queue.ts";
import { describeStores } from "../fakes/stores.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();

describeStores("clawgate queue", (world) => {
  let at: OperatedQueue;
  let cwd: string;
  beforeEach(async () => {
    // By the verbs' own clock, or the lease would not count.
    at = await operatedQueue(world, folder.path, Date.now());
    cwd = createWorkspace({
      "settings.json": JSON.stringify({
        storage: { url: world.url },
        multi_tenant: { tenants: [{ id: "sales" }, { id: "support" }] },
      }),
    });
  });
  const queue = (...words: string[]) => runVerb(registerQueue, cwd, ["queue", ...words]);
  const dead = async (key: string, tenantId = "sales") => {
    const id = await at.answered(key, ["PLANTED one", "PLANTED two"], tenantId);
    at.channel.outcomes.push({ kind: "delivered" }, { kind: "refused", reason: "60111" });
    await at.send(key, tenantId);
    await at.send(key, tenantId);
    return id;
  };

  it("lists for people, with a summary, and never what people wrote", async () => {
    at.clock -= 3 * 3_600_000;
    await dead("a");
    at.clock += 3 * 3_600_000;
    await at.running("b", "support");
    const { code, out } = await queue("list");
    expect(code).toBe(0);
    const lines = out.split("\n").map((line) => line.replaceAll(/ {2,}/g, " | "));
    expect(lines[0]).toBe(
      "ID | STATE | TENANT | CHANNEL | CONVERSATION | AGE | TRIES | SENT | REASON",
    );
    expect(lines[1]).toMatch(
      /^\d+ \| dead \| sales \| test \| sales\/a \| 3 h \| 1 \| 1\/2 \| 60111$/,
    );
    expect(lines[2]).toMatch(
      /^\d+ \| waiting\* \| support \| test \| support\/b \| \d s \| 1 \| -$/,
    );
    expect(out).toContain("* a gateway works on it right now");
    expect(out).toContain("sales: 1 dead, the oldest for 3 h");
    expect(out).not.toContain("PLANTED");
  });

  it("lists for machines, by state and tenant, in pages", async () => {
    const first = await dead("a");
    const second = await dead("b");
    await dead("theirs", "support");
    await at.waiting("c");
    const words = ["list", "--json", "--tenant", "sales", "--state", "dead", "--limit", "1"];
    const page = JSON.parse((await queue(...words)).out);
    expect(page).toMatchObject({
      messages: [{ id: first, tenant: "sales", parts: { total: 2, delivered: 1 } }],
      next: first,
      depths: [
        { tenant: "sales", state: "waiting", messages: 1 },
        { tenant: "sales", state: "dead", messages: 2 },
      ],
    });
    const next = JSON.parse((await queue(...words, "--cursor", String(first))).out);
    expect(next).toMatchObject({ messages: [{ id: second }], next: null });
  });

  it("shows one message with its parts", async () => {
    const id = await dead("a");
    const { code, out } = await queue("show", String(id));
    expect(code).toBe(0);
    expect(out).toMatch(/^conversation +sales\/a$/m);
    expect(out).toMatch(/^2\/2 +dead +send +1 +yes +- +60111$/m);
    const shown = JSON.parse((await queue("show", String(id), "--json")).out);
    expect(shown.reply).toMatchObject([{ state: "delivered" }, { state: "dead", unsure: true }]);
    expect(out + JSON.stringify(shown)).not.toContain("PLANTED");
  });

  it("replays and drops, says so, and puts it on record as the command line's doing", async () => {
    const [one, two] = [await dead("a"), await dead("b")];
    const replayed = await queue("replay", String(one));
    expect(replayed).toMatchObject({ code: 0, out: expect.stringContaining("is sent again") });
    const dropped = JSON.parse((await queue("drop", String(two), "--json")).out);
    expect(dropped).toMatchObject({ ok: true, message: { id: two, state: "done" } });
    const records = (await at.audit()).map((row) => `${row.sender_id} ${row.action}`);
    expect(records).toEqual(["cli queue.replay", "cli queue.drop"]);
  });

  it("answers 1 with the reason to what cannot be done", async () => {
    const id = String(await at.waiting("a"));
    const replayed = await queue("replay", id);
    expect(replayed).toMatchObject({ code: 1, err: expect.stringContaining("not dead") });
    const absent = await queue("drop", "999", "--json");
    expect(absent.code).toBe(1);
    expect(JSON.parse(absent.out)).toMatchObject({ ok: false, error: { code: "NOT_FOUND" } });
    expect(await queue("show", id, "--tenant", "support")).toMatchObject({
      code: 1,
      err: expect.stringContaining(`no message ${id}`),
    });
  });

  it("says that the settings have no such tenant, to a program in JSON, and gives it no log", async () => {
    for (const verb of [["list"], ["replay", "5"], ["recall", "5"]]) {
      expect(await queue(...verb, "--tenant", "sals")).toEqual({
        code: 1,
        out: "",
        err: expect.stringContaining('no tenant "sals"; it has: sales, support'),
      });
    }
    const { code, out } = await queue("list", "--tenant", "sals", "--json");
    expect([code, JSON.parse(out).error.code]).toEqual([1, "NOT_FOUND"]);
  });

  it("knows the platform's own messages, which are no tenant's", async () => {
    expect((await queue("list", "--tenant", "_platform")).code).toBe(0);
  });

  it("answers 2 to a command line that means nothing", async () => {
    for (const words of [
      ["show", "abc"],
      ["replay"],
      ["list", "--state", "lost"],
      ["list", "--limit", "0"],
      ["list", "--limit", "501"],
      ["drop", "-1"],
      ["recall", " "],
    ]) {
      expect((await queue(...words)).code, words.join(" ")).toBe(2);
    }
  });
});

describe("a table for an operator's terminal", () => {
  it("attack: an id with control characters does not steer the terminal", () => {
    expect(table([["ID"], ["\u001b[2Jgone\u202e"]])).toBe("ID\n?[2Jgone?\n");
  });

  it("tells ages in one unit", () => {
    expect([0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(age)).toEqual([
      "0 s",
      "119 s",
      "2 min",
      "119 min",
      "2 h",
      "47 h",
      "2 d",
    ]);
  });
});
