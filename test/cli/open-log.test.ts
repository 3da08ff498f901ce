import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { openLog } from "../../cli/open-log.ts";
import { smallDisk } from "../fakes/small-disk.ts";

const disk = smallDisk(1024 * 1024);

it("holds up no end of a process whose disk is full, and goes on when there is room", async (context) => {
  disk.need(context);
  const path = join(disk.path, "log");
  const fd = openSync(path, "a");
  const { log, flush } = openLog(fd);
  const lines = () => readFileSync(path, "utf8").split("\n");
  log.info({}, "before");
  await flush();
  disk.fill();
  // More than is left of the block that the line before is in.
  for (let n = 0; n < 4; n++) log.info({ filling: "x".repeat(4_000) }, "meanwhile");
  await flush();
  disk.free();
  log.info({}, "after");
  await vi.waitFor(
    () => expect(lines().some((line) => line.includes('"after"'))).toBe(true),
    10_000,
  );
  expect(lines()[0]).toContain('"before"');
  closeSync(fd);
});
