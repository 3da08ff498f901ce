import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import type { RunResult } from "../../../sandbox/driver.ts";
import { undisturbed } from "../../fakes/undisturbed.ts";
import { ownCgroups, processesWith } from "../../sandbox/traces.ts";
import { underAttack } from "./site.ts";

const MIB = 1 << 20;
const killed = (reason: RunResult["reason"]) => ({ verdict: "killed", reason });

await underAttack("bombs", {}, (site) => {
  it("attack: a fork bomb in bash", async () => {
    const result = await site.attack("bash", "bomb() { bomb | bomb & }; bomb; sleep 20", {
      limits: { wallMs: 4_000, pids: 24 },
    });
    expect(["pids", "wall", "cpu", "memory"]).toContain(result.reason);
    expect(ownCgroups()).toEqual([]);
  });

  it("attack: threads without end", async () => {
    const found = await site.spy(
      `
import threading, time
made = 0
try:
    while made < 5000:
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start(); made += 1
except RuntimeError: pass
tell("made", made)
sys.stdout.write(json.dumps(told)); sys.stdout.flush(); os._exit(0)
`,
      { limits: { pids: 24, memoryBytes: 512 * MIB } },
    );
    expect(found.made).toBeLessThan(24);
  });

  it.each([
    ["a growing list", "x = []\nwhile True: x.append(bytearray(1 << 20))"],
    ["one great block", "x = bytearray(3 << 30)\nfor i in range(0, len(x), 4096): x[i] = 1"],
    [
      "many children",
      "import os, time\nfor _ in range(12):\n  if os.fork() == 0:\n    x = bytearray(30 << 20); time.sleep(30)\ntime.sleep(30)",
    ],
    [
      "anonymous files",
      "import os, time\nfd = os.memfd_create('x')\nwhile True: os.write(fd, bytes(1 << 20))",
    ],
  ])("attack: memory by %s", async (_, source) => {
    const result = await site.attack("python", source, { limits: { wallMs: 12_000 } });
    const isOwnError = result.verdict === "error" && /MemoryError/.test(result.stderr.toString());
    if (!isOwnError) expect(result).toMatchObject(killed("memory"));
    expect(result.usage.wallMs).toBeLessThan(10_000);
  });

  it("attack: processor time, shared out over processes and threads", async () => {
    const source =
      "import os, threading\nfor _ in range(3): os.fork()\ndef spin():\n  while True: pass\n" +
      "for _ in range(2): threading.Thread(target=spin).start()\nspin()";
    const result = await site.attack("python", source, { limits: { cpuMs: 1_500 } });
    expect(result).toMatchObject(killed("cpu"));
    expect(result.usage.cpuMs).toBeLessThan(3_000);
    expect(result.usage.cpuMs).toBeGreaterThan(1_400);
  });

  it("attack: the disk, by every writable place at once", async () => {
    const found = await site.spy(
      `
total = 0
for n in range(400):
    for place in ("/tmp", "/workspace", "/dev/shm"):
        try:
            with open(f"{place}/{n}", "wb", buffering=0) as f: total += f.write(bytes(65536))
        except OSError: pass
tell("total", total)
`,
      { limits: { diskBytes: 4 * MIB } },
    );
    expect(found.total).toBeLessThanOrEqual(4 * MIB);
    expect(found.total).toBeGreaterThan(3 * MIB);
  });

  it("attack: the disk, until a write fails", async () => {
    const result = await site.attack("bash", "head -c 50M /dev/zero >/tmp/x", {
      limits: { diskBytes: 4 * MIB },
    });
    expect(result).toMatchObject(killed("disk"));
  });

  it("attack: files without end", async () => {
    const found = await site.spy(
      `
made = 0
try:
    while made < 5000: open(f"/tmp/{made}", "w").close(); made += 1
except OSError as error: tell("errno", error.errno)
tell("made", made)
`,
      { limits: { files: 200 } },
    );
    expect(found.made).toBeLessThanOrEqual(200);
    expect(found.errno).toBe(28); // ENOSPC
  });

  it("attack: output without end, from a child that outlives its parent", async () => {
    const result = await site.attack("bash", "(setsid yes &) ; sleep 20", {
      limits: { outputBytes: 50_000 },
    });
    expect(result).toMatchObject({ ...killed("output"), isTruncated: true });
    expect(result.stdout.length).toBe(50_000);
  });

  it("attack: daemons that keep the output open after the job is over", async () => {
    const startedAt = Date.now();
    const result = await site.attack(
      "bash",
      "setsid nohup sleep 987123 & (setsid bash -c 'trap \"\" TERM HUP INT; exec sleep 987123' &) ; echo over; exit 3",
    );
    expect(result).toMatchObject({ verdict: "error", exitCode: 3 });
    expect(result.stdout.toString()).toBe("over\n");
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    expect(processesWith("sleep 987123")).toEqual([]);
    expect(ownCgroups()).toEqual([]);
  });

  it.each([
    ["ignored", "trap '' TERM INT HUP QUIT USR1 USR2 ALRM XCPU; while :; do sleep 1; done"],
    ["stopped", "kill -STOP $$; sleep 30"],
    ["in a tight loop", "while :; do :; done"],
  ])("attack: going on past the wall clock, its signals %s", async (_, source) => {
    const result = await undisturbed(() =>
      site.attack("bash", source, { limits: { wallMs: 1_200 } }),
    );
    expect(result).toMatchObject(killed("wall"));
    expect(result.usage.wallMs).toBeLessThan(2_000);
  });

  it("attack: closing its streams and staying", async () => {
    const result = await site.attack("bash", "exec <&- >&- 2>&-; sleep 30", {
      limits: { wallMs: 1_200 },
    });
    expect(result).toMatchObject(killed("wall"));
  });

  it("leaves nothing of all that behind", async () => {
    await pause(300);
    expect(ownCgroups()).toEqual([]);
    expect(processesWith(site.stateFolder)).toEqual([]);
  });
});
