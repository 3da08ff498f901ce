import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { createCheckpoints } from "../../../core/store/checkpoints.ts";
import { temporaryFolder } from "../../fakes/temporary-folder.ts";

const asked = vi.hoisted(() => ({ times: 0 }));
vi.mock("node:worker_threads", () => ({
  Worker: class {
    constructor() {
      asked.times += 1;
      throw new Error("ERR_WORKER_INIT_FAILED: EAGAIN");
    }
  },
}));

const folder = temporaryFolder();

it("goes on where the system gives it no thread, and asks again later", async () => {
  const checkpoints = createCheckpoints(join(folder.path, "test.db"), 1);
  for (let batch = 0; batch < 6; batch++) {
    await checkpoints.after(1);
    await new Promise(setImmediate);
  }
  await checkpoints.close();
  expect(asked.times).toBeGreaterThan(2);
});
