import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { registerKey } from "../../cli/key.ts";
import { registerQueue } from "../../cli/queue.ts";
import { registerReview } from "../../cli/review.ts";
import { runVerb } from "../cli/run-verb.ts";
import { temporaryFolder } from "../fakes/temporary-folder.ts";
import { startWecomGateway } from "../fakes/wecom-gateway.ts";

const folder = temporaryFolder();
const WITHIN = { timeout: 20_000 };

it("a held message is answered once when it is released while the gateway is dead, and once when it is rejected over HTTP", async () => {
  const file = join(folder.path, "words.json");
  const term = { id: "T1", term: "casino", action: "review" };
  writeFileSync(file, JSON.stringify({ terms: [term] }));
  const world = await startWecomGateway({
    moderation: { lexicons: [{ name: "words", file }] },
    staff: { lexicons: ["words"] },
  });
  try {
    const verb = async (register: Parameters<typeof runVerb>[0], ...words: readonly string[]) => {
      const all = [...words, "--tenant", "staff", "--json"];
      return JSON.parse((await runVerb(register, world.gateway.folder, all)).out);
    };
    const say = (user: string, text: string) =>
      world.cloud.attempt(world.callbackUrl, world.cloud.callback(world.cloud.text(user, text)));
    world.model.otherwise(async () => ({ kind: "text", text: "an answer" }));

    expect((await say("wei", "a casino")).passive).toMatch(/\[CONTENT_HELD\]$/);
    // Whether its notice arrived is written down soon after; until then another one could be sent.
    await vi.waitFor(
      async () =>
        expect(await verb(registerQueue, "queue", "list")).toMatchObject({ messages: [] }),
      WITHIN,
    );
    await world.gateway.stop("SIGKILL");
    const { approvals } = await verb(registerReview, "review", "list");
    expect(approvals).toMatchObject([{ text: "a casino", terms: ["T1"], sender: { id: "wei" } }]);
    expect(await verb(registerReview, "review", "release", approvals[0].id)).toEqual({ ok: true });
    await world.gateway.start();
    const seen = (user: string) => world.cloud.seen(user).map(({ text }) => text);
    await vi.waitFor(() => expect(seen("wei")).toContain("an answer"), WITHIN);
    expect(world.model.requests).toHaveLength(1);
    expect(seen("wei")).toHaveLength(2);

    expect((await say("ann", "the casino")).passive).toMatch(/\[CONTENT_HELD\]$/);
    const [held] = (await verb(registerReview, "review", "list")).approvals;
    const wanted = ["--label", "reviewer", "--permission", "content:review"];
    const { key } = await verb(registerKey, "key", "create", ...wanted);
    const headers = { authorization: `Bearer ${key}` };
    const url = `${world.gateway.url}/api/approvals/${held.id}/reject`;
    expect((await fetch(url, { method: "POST", headers })).status).toBe(200);
    await vi.waitFor(() => expect(seen("ann").at(-1)).toMatch(/\[REVIEW_REJECTED\]$/), WITHIN);
    expect(world.model.requests).toHaveLength(1);
  } finally {
    await world.close();
  }
});
