import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findCgroups } from "../../sandbox/cgroup/cgroup.ts";
import type { RunRequest } from "../../sandbox/driver.ts";
import { createFirecrackerDriver } from "../../sandbox/drivers/firecracker/driver.ts";
import { createLimits } from "../../sandbox/policy.ts";
import { createWorkshop } from "../../sandbox/workshop.ts";
import { eventually } from "../fakes/eventually.ts";
import { installFakeFirecracker } from "../fakes/firecracker/install.ts";
import { SETTINGS } from "./sandbox-fixture.ts";

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)("a Firecracker machine", async () => {
  const folder = mkdtempSync(join(tmpdir(), "clawgate-fc-"));
  const fake = installFakeFirecracker(folder);
  const workshop = await createWorkshop(join(folder, "state"), findCgroups(), SETTINGS.filesystem);
  afterAll(async () => {
    await workshop.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ["firecracker", "see docs/engines.md"],
    ["jailer", "it comes with Firecracker"],
    ["kernel", "how to build the guest's kernel"],
    ["rootfs", "how to build the guest's image"],
    ["kvm", "this machine has no KVM"],
  ])("is not to be had without its %s, and says so", async (name, advice) => {
    const probe = await createFirecrackerDriver(workshop, {
      ...fake,
      [name]: "/nonexistent/file",
    }).probe();
    expect(probe).toMatchObject({ ok: false });
    if (!probe.ok)
      expect(probe.reason).toMatch(new RegExp(`^/nonexistent/file is missing: .*${advice}`));
  });

  it("that does not boot in time is given up and leaves nothing", async () => {
    const hanging = { ...fake, rootfs: join(folder, "empty.ext4") };
    writeFileSync(hanging.rootfs, "");
    const probe = await createFirecrackerDriver(workshop, { ...hanging, bootMs: 1500 }).probe();
    expect(probe).toMatchObject({ ok: false });
    if (!probe.ok) expect(probe.reason).toContain("did not boot");
    const jails = () => readdirSync(join(hanging.jailFolder, "firecracker"));
    await eventually(() => expect(jails()).toEqual([]));
  });

  it("lets a job reach the socket of its way out, and nothing else of the host", async () => {
    const way = join(folder, "way");
    mkdirSync(way);
    const server = createServer((socket) => socket.end("from the host"));
    await new Promise<void>((resolve) => server.listen(join(way, "egress.sock"), resolve));
    const text =
      "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('/run/way/egress.sock')\nprint(s.recv(99).decode(), open('/etc/hosts').read().count('example'))";
    const request: RunRequest = {
      ...{ runId: "way", tenantId: "acme", language: "python", origin: {}, argv: [], env: {} },
      ...{ program: { kind: "source", text }, stdin: Buffer.alloc(0), readonly: new Map() },
      ...{ limits: createLimits(SETTINGS)({}), egress: "settings", credentials: [] },
    };
    const wayOut = {
      ...{ folder: way, path: "/run/way", forwarder: ["/usr/bin/env"], env: {} },
      hosts: "127.0.0.1 example.com\n",
    };
    const driver = createFirecrackerDriver(workshop, fake);
    const slot = await driver.prepare({ ...request, wayOut });
    try {
      const run = { request, observe: () => "go on" as const, lost: () => {} };
      const result = await driver.dispatch(slot, run, new AbortController().signal);
      expect(result.stdout.toString()).toBe("from the host 1\n");
    } finally {
      await driver.destroy(slot);
      server.close();
    }
  });
});
