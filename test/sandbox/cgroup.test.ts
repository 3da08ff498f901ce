import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findCgroups } from "../../sandbox/cgroup/cgroup.ts";
import { splitLayout } from "../../sandbox/cgroup/split.ts";
import { unifiedLayout } from "../../sandbox/cgroup/unified.ts";
import { SandboxError } from "../../sandbox/errors.ts";

// A folder that plays the control group file system: files appear where the kernel would have them.
let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "clawgate-cgroup-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const put = (path: string, text: string) => {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
};
const get = (path: string) => readFileSync(join(root, path), "utf8");
const LIMITS = { memoryBytes: 1000, processes: 7 };

describe("version 2", () => {
  beforeEach(() => {
    put("cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
    put("cgroup.subtree_control", "cpu memory\n");
  });

  it("hands the missing controllers down and limits a group before anything enters it", () => {
    const group = findCgroups(root).create("job", LIMITS);
    expect(get("cgroup.subtree_control")).toBe("+pids");
    expect(get("job/memory.max")).toBe("1000");
    expect(get("job/pids.max")).toBe("7");
    expect(group.entrances).toEqual([join(root, "job", "cgroup.procs")]);
  });

  it("attack: a job of many threads counts as one, and for less than the gateway", () => {
    put("cgroup.subtree_control", "memory pids\n");
    const layout = unifiedLayout(root);
    expect(get("cgroup.subtree_control")).toBe("+cpu");
    put("job/cpu.weight", ""); // comes with the group
    layout?.share("job", false);
    expect(get("job/cpu.weight")).toBe("24");
    put("job/cpu.weight", "");
    layout?.share("job", true);
    expect(get("job/cpu.weight")).toBe("6");
  });

  it("reads usage, and whether the kernel killed for want of memory", () => {
    const group = findCgroups(root).create("job", LIMITS);
    put("job/cpu.stat", "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n");
    put("job/memory.current", "123\n");
    put("job/memory.peak", "456\n");
    put("job/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\n");
    expect([group.cpuMs(), group.memoryBytes(), group.peakMemoryBytes()]).toEqual([2500, 123, 456]);
    expect(group.isOutOfMemory()).toBe(false);
    put("job/memory.events", "oom 1\noom_kill 1\n");
    expect(group.isOutOfMemory()).toBe(true);
  });

  it("kills through the kernel's own file, again and again until none is left", async () => {
    const group = findCgroups(root).create("job", LIMITS);
    put("job/cgroup.kill", "");
    put("job/cgroup.procs", "4194999\n"); // beyond the largest pid: would never be there
    const killed = group.kill();
    expect(get("job/cgroup.kill")).toBe("1");
    expect(get("job/pids.max")).toBe("0"); // no forks meanwhile
    put("job/cgroup.procs", "");
    await killed;
  });

  it("sweeps only what the caller claims", async () => {
    mkdirSync(join(root, "clawgate-1"));
    mkdirSync(join(root, "system.slice"));
    await findCgroups(root).sweep((name) => name.startsWith("clawgate-"));
    expect(readdirSync(root)).not.toContain("clawgate-1");
    expect(readdirSync(root)).toContain("system.slice");
  });
});

describe("version 1", () => {
  beforeEach(() => {
    for (const name of ["memory", "pids", "cpuacct"]) put(`${name}/cgroup.procs`, "");
    put("unified/cgroup.controllers", "hugetlb\n");
  });

  it("makes a group in each hierarchy", () => {
    const group = findCgroups(root).create("job", LIMITS);
    const hierarchies = ["memory", "pids", "cpuacct"];
    expect(group.entrances).toEqual(hierarchies.map((name) => join(root, name, "job", "tasks")));
    expect(get("memory/job/memory.limit_in_bytes")).toBe("1000");
    expect(get("pids/job/pids.max")).toBe("7");
    put("cpuacct/job/cpuacct.usage", "1500000000\n");
    put("memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    expect(group.cpuMs()).toBe(1500);
    expect(group.isOutOfMemory()).toBe(true);
  });

  it("attack: a job of many threads counts as one where processors are shared out", () => {
    put("cpu/cgroup.procs", "");
    const group = findCgroups(root).create("job", LIMITS);
    expect(group.entrances).toContain(join(root, "cpu", "job", "tasks"));
    put("cpu/job/cpu.shares", ""); // comes with the group
    splitLayout(root)?.share("job", true);
    expect(get("cpu/job/cpu.shares")).toBe("256");
    put("cpu/job/cpu.shares", "");
    group.hurry();
    expect(get("cpu/job/cpu.shares")).toBe("1024");
  });

  it("makes one group where cpu and cpuacct are one hierarchy", () => {
    symlinkSync("cpuacct", join(root, "cpu"));
    const group = findCgroups(root).create("job", LIMITS);
    expect(group.entrances).toHaveLength(3);
  });
});

it("refuses a machine whose control groups cannot limit memory and processes", () => {
  expect(() => findCgroups(root)).toThrow(SandboxError);
  put("cgroup.controllers", "cpu hugetlb\n");
  expect(() => findCgroups(root)).toThrow(/no control groups/);
});
