import { expect, it } from "vitest";
import { registerQueue } from "../../cli/queue.ts";
import { createWorkspace } from "../config/workspace.ts";
import { runVerb } from "./run-verb.ts";

const list = (cwd: string) => runVerb(registerQueue, cwd, ["queue", "list"]);

it("a verb that looks into the demo's store says so, since nothing to show is no good news there", async () => {
  expect(await list(createWorkspace())).toMatchObject({
    code: 0,
    out: "nothing to show\n",
    err: expect.stringMatching(/^note: of the built-in demo, .*no settings\.json here/),
  });
  expect(await list(createWorkspace({ "settings.json": "{}" }))).toMatchObject({ err: "" });
});
