import { beforeEach, expect, it } from "vitest";
import { registerReview } from "../../cli/review.ts";
import { createWorkspace } from "../config/workspace.ts";
import { type OperatedQueue, operatedQueue } from "../core/operators/operated-queue.ts";
import { textMessage } from "../fakes/messages.ts";
import { reviewsOf } from "../fakes/planted-tenant.ts";
import { describeStores } from "../fakes/stores.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { runVerb } from "./run-verb.ts";

const folder = temporaryFolder();

describeStores("clawgate review", (world) => {
  let at: OperatedQueue;
  let cwd: string;
  beforeEach(async () => {
    at = await operatedQueue(world, folder.path, Date.now());
    cwd = createWorkspace({
      "settings.json": JSON.stringify({
        storage: { url: world.url, key_file: `${folder.path}/master.key` },
        multi_tenant: { tenants: [{ id: "sales" }, { id: "support" }] },
      }),
    });
  });
  const review = (...words: string[]) => runVerb(registerReview, cwd, ["review", ...words]);
  const hold = (id: string) =>
    reviewsOf(at.process, world.store).hold(textMessage(id, "x"), "sales", `of ${id}\n\u001b[2J`);
  const ids = async (): Promise<string[]> => {
    const { out } = await review("list", "--tenant", "sales", "--json");
    return (JSON.parse(out) as { approvals: { id: string }[] }).approvals.map(({ id }) => id);
  };

  it("shows people what waits, and steers no terminal with it", async () => {
    await hold("m1");
    const { code, out } = await review("list", "--tenant", "sales");
    expect(code).toBe(0);
    expect(out).toContain("message of wei on test");
    expect(out).toContain("  | of m1\n  | ?[2J\n");
    expect(out).toContain("1 waiting");
    expect((await review("list", "--tenant", "support")).out).toBe("0 waiting\n");
    expect((await review("list", "--tenant", "nobody")).err).toContain('no tenant "nobody"');
  });

  it("releases and rejects once, and says why not", async () => {
    await hold("m1");
    await hold("m2");
    const [first = "", second = ""] = await ids();
    expect(await review("release", first, "--tenant", "sales")).toMatchObject({ code: 0 });
    expect(await review("reject", second, "--tenant", "sales", "--json")).toMatchObject({
      ...{ code: 0, out: '{"ok":true}\n' },
    });
    expect(await ids()).toEqual([]);
    expect(await world.sql("SELECT id FROM inbox WHERE state = 'pending'")).toHaveLength(2);
    const again = await review("reject", first, "--tenant", "sales");
    expect([again.code, again.err]).toEqual([1, expect.stringContaining("released already")]);
    const theirs = await review("release", second, "--tenant", "support", "--json");
    expect(JSON.parse(theirs.out)).toMatchObject({ ok: false, error: { code: "NOT_FOUND" } });
  });
});
