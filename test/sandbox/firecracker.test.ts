import { mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { describeSandboxDriver } from "../contract/sandbox-driver.ts";
import { installFakeFirecracker } from "../fakes/firecracker/install.ts";

const folder = mkdtempSync(join(tmpdir(), "clawgate-fc-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  sweepFakeGroups();
});

/** A machine that was killed could not remove the group that it counted its job's processes in. */
const sweepFakeGroups = (): void => {
  const parent = "/sys/fs/cgroup/pids";
  for (const name of readdirSync(parent).filter((name) => name.startsWith("clawgate-fakevm-"))) {
    try {
      rmdirSync(join(parent, name));
    } catch {
      // Another test run's, and in use.
    }
  }
};

const firecracker = installFakeFirecracker(folder);
await describeSandboxDriver("firecracker", { firecracker });
// Room for one guest and its monitor: what waits for the last test's job makes way.
await describeSandboxDriver("firecracker", {
  firecracker,
  warmPool: { memoryBytes: 192 << 20 },
});
