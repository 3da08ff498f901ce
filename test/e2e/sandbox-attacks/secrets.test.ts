import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { underAttack } from "./site.ts";

// Planted where every user of the host may read it: only the sandbox is in the way.
const SECRET = "pl4nted-s3cret-of-the-host";
const planted = join(tmpdir(), `clawgate-planted-${process.pid}`);
beforeAll(() => {
  process.env.CLAWGATE_PLANTED = SECRET;
  mkdirSync(planted, { mode: 0o755 });
  writeFileSync(join(planted, "secret"), SECRET, { mode: 0o644 });
});
afterAll(() => rmSync(planted, { recursive: true, force: true }));

await underAttack("secrets", {}, (site) => {
  it("attack: searching the environment of every process for the host's", async () => {
    const result = await site.attack(
      "bash",
      "env; for f in /proc/*/environ /proc/*/task/*/environ; do tr '\\0' '\\n' <$f; done; exit 0",
    );
    expect(result.stdout.toString()).not.toContain(SECRET);
    expect(result.stderr.toString()).not.toContain(SECRET);
    expect(result.stdout.toString()).not.toMatch(/^(?:npm_|VITEST|NODE_|USER=)/m);
  });

  it("attack: reading accounts, keys, sockets and the gateway's own files by name", async () => {
    const root = new URL("../../..", import.meta.url).pathname;
    const paths = [
      ...["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/machine-id", "/etc/ssh"],
      ...["/etc/hostname", "/etc/resolv.conf", "/root", "/home", "/var", "/boot", "/mnt", "/srv"],
      ...["/run/clawgate", "/run/docker.sock", "/var/run/docker.sock", "/run/dbus", "/run/systemd"],
      ...["/sys/fs/cgroup/memory", "/sys/kernel/security", "/sys/firmware", "/.dockerenv"],
      ...["/proc/1/root/root", "/proc/1/cwd/root", "/proc/kcore", planted, root, site.stateFolder],
    ];
    const found = await site.spy(`
def look(path):
    if os.path.isdir(path): return os.listdir(path)
    with open(path, "rb") as f: return f.read(64).hex()
for path in ${JSON.stringify(paths)}: attempt(path, lambda: look(path))
`);
    const readable = Object.entries(found).filter(([, seen]) =>
      typeof seen === "string" ? /^[0-9a-f]{2,}$/.test(seen) : String(seen) !== "",
    );
    expect(readable).toEqual([]);
  });

  it("attack: walking everything that can be walked in search of a planted secret", async () => {
    const result = await site.attack(
      "bash",
      `find / -xdev -name '*secret*' -path '*planted*' 2>/dev/null
       grep -rsl '${SECRET}' /app /config /tmp /run /etc /dev/shm /workspace; exit 0`,
    );
    // The job's own text holds the word, where the engine shows it to itself.
    expect(result.stdout.toString().replaceAll(/^\/run\/job\/.*\n/gm, "")).toBe("");
  });

  it("attack: telling the host by its name, its command lines or its mounts", async () => {
    const result = await site.attack(
      "bash",
      "hostname; uname -n; cat /proc/sys/kernel/hostname /proc/[0-9]*/cmdline | tr '\\0' ' '; exit 0",
    );
    const said = result.stdout.toString();
    expect(said).not.toMatch(/vitest|clawgate-planted/);
    if (hostname() !== "sandbox") expect(said.split("\n")).not.toContain(hostname());
  });

  it("attack: watching which programs the host and other tenants start", async () => {
    const { watch } = await site.spy(`
import ctypes
libc = ctypes.CDLL(None)
tell("watch", libc.inotify_add_watch(libc.inotify_init1(0), b"/usr/bin/python3", 0x20))
`);
    // gVisor's own kernel sees what this one job does.
    if (site.engine !== "gvisor") expect(watch).toBe(-1);
  });

  it("attack: finding what another tenant writes at the same moment", async () => {
    const victim = site.attack(
      "bash",
      "for d in /tmp /workspace /dev/shm; do echo the-victims-data >$d/victim; done; sleep 1.5; echo done",
      { request: { tenantId: "victim" } },
    );
    const found = await site.spy(`
import time
end = time.time() + 1.2
hits = set()
while time.time() < end:
    for root in ("/tmp", "/workspace", "/dev/shm", "/run"):
        for folder, _, names in os.walk(root):
            hits.update(os.path.join(folder, n) for n in names if "victim" in n)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: line = open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError: continue
        if b"the-victims" in line: hits.add(pid)
    time.sleep(0.05)
tell("hits", sorted(hits))
`);
    expect(found.hits).toEqual([]);
    expect((await victim).stdout.toString()).toBe("done\n");
  });

  it("attack: speaking to another tenant's job by sockets, shared memory or signals", async () => {
    const victim = site.spy(
      `
import socket, threading, time
reached = []
server = socket.socket(socket.AF_UNIX); server.bind("\\0clawgate-rendezvous"); server.listen()
tcp = socket.socket(); tcp.bind(("127.0.0.1", 47001)); tcp.listen()
for s in (server, tcp):
    s.settimeout(1.5)
    threading.Thread(target=lambda s=s: (s.accept(), reached.append(1)), daemon=True).start()
time.sleep(1.6)
tell("reached", len(reached))
`,
      { request: { tenantId: "victim" } },
    );
    const found = await site.spy(`
import socket, time
hits = 0
for _ in range(12):
    for family, to in ((socket.AF_UNIX, "\\0clawgate-rendezvous"), (socket.AF_INET, ("127.0.0.1", 47001))):
        try:
            s = socket.socket(family); s.settimeout(0.2); s.connect(to); hits += 1
        except OSError: pass
    time.sleep(0.1)
tell("hits", hits)
tell("others", [p for p in os.listdir("/proc") if p.isdigit() and int(p) > 40])
`);
    expect(found.hits).toBe(0);
    expect((await victim).reached).toBe(0);
  });

  it("attack: links that lead out, in what is handed in", async () => {
    const app = site.folder();
    chmodSync(app, 0o755);
    symlinkSync(join(planted, "secret"), join(app, "absolute"));
    symlinkSync(`../../../../../../..${join(planted, "secret")}`, join(app, "relative"));
    symlinkSync("/proc/1/root/etc/shadow", join(app, "process"));
    symlinkSync("/", join(app, "root"));
    const result = await site.attack(
      "bash",
      `cd /app; cat absolute relative process root${planted}/secret /app/../../..${planted}/secret; ls root/root; exit 0`,
      { request: { readonly: new Map([["/app", app]]) } },
    );
    expect(result.verdict).toBe("ok");
    expect(result.stdout.toString()).toBe("");
  });

  it("attack: changing what is handed in, or what every job uses", async () => {
    const app = site.folder();
    chmodSync(app, 0o777);
    writeFileSync(join(app, "data"), "untouched");
    chmodSync(join(app, "data"), 0o666);
    const done = await site.spy(
      `
def write(path):
    with open(path, "a") as f: f.write("x")
    return "written"
for path in ("/app/data", "/app/new", "/etc/passwd", "/usr/bin/python3", "/usr/lib/x", "/bin/x", "/run/x", "/x", "/dev/x", "/proc/sys/kernel/core_pattern", "/sys/x"):
    attempt(path, lambda: write(path))
attempt("chmod", lambda: os.chmod("/app/data", 0o777))
attempt("rename", lambda: os.rename("/app/data", "/app/gone"))
attempt("unlink", lambda: os.unlink("/app/data"))
`,
      { request: { readonly: new Map([["/app", app]]) } },
    );
    // gVisor has a core pattern of its own, which leads nowhere.
    const { "/proc/sys/kernel/core_pattern": _own, ...others } = done;
    expect(Object.entries(others).filter(([, how]) => !/Error$/.test(String(how)))).toEqual([]);
  });

  it("attack: device files, opened or made", async () => {
    const seen = await site.spy(`
import stat
devices = ("mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "loop0", "kvm", "fuse", "net/tun", "vhost-net", "vsock", "snapshot", "mapper/control", "input/event0", "dri/card0", "tty0", "tty1", "ttyS0", "console", "cpu/0/msr")
for name in devices: attempt(name, lambda: bool(os.open("/dev/" + name, os.O_RDWR)))
for place in ("/tmp", "/workspace", "/dev/shm"):
    attempt("mknod " + place, lambda: os.mknod(place + "/mem", 0o666 | stat.S_IFCHR, os.makedev(1, 1)))
    attempt("mknod block " + place, lambda: os.mknod(place + "/disk", 0o666 | stat.S_IFBLK, os.makedev(8, 0)))
`);
    const opened = Object.entries(seen).filter(([, how]) => !/Error$/.test(String(how)));
    // gVisor has these two of its own; they lead into its own kernel.
    const own = site.engine === "gvisor" ? ["fuse", "net/tun"] : [];
    expect(opened.map(([name]) => name).filter((name) => !own.includes(name))).toEqual([]);
  });
});
