import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { expect, it } from "vitest";
import { underAttack } from "./site.ts";

// Numbers of system calls, by processor.
const CALLS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  x64: {
    ...{ ptrace: 101, process_vm_readv: 310, process_vm_writev: 311, kcmp: 312 },
    ...{ mount: 165, umount2: 166, pivot_root: 155, chroot: 161, unshare: 272, setns: 308 },
    ...{ open_tree: 428, move_mount: 429, fsopen: 430, fsmount: 432, mount_setattr: 442 },
    ...{ add_key: 248, request_key: 249, keyctl: 250, bpf: 321, perf_event_open: 298 },
    ...{ userfaultfd: 323, io_uring_setup: 425, open_by_handle_at: 304, name_to_handle_at: 303 },
    ...{ init_module: 175, finit_module: 313, delete_module: 176, kexec_load: 246 },
    ...{ reboot: 169, swapon: 167, swapoff: 168, acct: 163, syslog: 103, settimeofday: 164 },
    ...{ clock_settime: 227, sethostname: 170, setdomainname: 171, iopl: 172, ioperm: 173 },
    ...{ pidfd_getfd: 438, quotactl: 179, lookup_dcookie: 212, fanotify_init: 300 },
  },
};

await underAttack("the kernel", {}, (site) => {
  const calls = CALLS[process.arch];

  it.skipIf(!calls)(
    "attack: every system call that changes the machine or another process",
    async () => {
      const before = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
      const results = await site.spy(`
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
calls = ${JSON.stringify(calls ?? {})}
path, kind = ctypes.create_string_buffer(b"/tmp"), ctypes.create_string_buffer(b"tmpfs")
def call(name, *args):
    ctypes.set_errno(0)
    got = libc.syscall(calls[name], *args)
    tell(name, "done" if got >= 0 else errno.errorcode.get(ctypes.get_errno(), "?"))
zero = ctypes.create_string_buffer(256)
call("ptrace", 16, 1, 0, 0)
call("process_vm_readv", os.getppid(), zero, 1, zero, 1, 0)
call("process_vm_writev", os.getppid(), zero, 1, zero, 1, 0)
call("mount", kind, path, kind, 0, 0)
call("umount2", path, 2)
call("pivot_root", path, path)
call("chroot", path)
call("setns", 0, 0)
call("open_tree", -100, path, 1)
call("fsopen", kind, 0)
call("add_key", kind, path, zero, 1, -3)
call("request_key", kind, path, zero, -3)
call("keyctl", 1, 0, 0, 0, 0)
call("bpf", 0, zero, 128)
call("perf_event_open", zero, 0, -1, -1, 0)
call("userfaultfd", 0)
call("io_uring_setup", 8, zero)
call("open_by_handle_at", -100, zero, 0)
call("init_module", zero, 8, zero)
call("finit_module", 0, zero, 0)
call("delete_module", path, 0)
call("kexec_load", 0, 0, 0, 0)
call("reboot", 0xfee1dead, 672274793, 0x01234567, 0)
call("swapon", path, 0)
call("acct", 0)
call("syslog", 3, zero, 200)
call("settimeofday", zero, 0)
call("clock_settime", 0, zero)
call("sethostname", path, 4)
call("setdomainname", path, 4)
call("iopl", 3)
call("ioperm", 0, 8, 1)
call("quotactl", 0, path, 0, 0)
call("fanotify_init", 0, 0)
call("unshare", 0x00020000)
`);
      // gVisor has a key ring and a (made up) log of its own; neither is the host's.
      const own = site.engine === "gvisor" ? ["keyctl", "syslog"] : [];
      const done = Object.keys(results).filter((name) => results[name] === "done");
      expect(done.filter((name) => !own.includes(name))).toEqual([]);
      expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(before);
      expect(hostname()).not.toBe("/tmp");
    },
  );

  it("attack: becoming root, or somebody else", async () => {
    const found = await site.spy(`
for name, act in (("setuid", lambda: os.setuid(0)), ("setgid", lambda: os.setgid(0)),
                  ("setresuid", lambda: os.setresuid(0, 0, 0)), ("setgroups", lambda: os.setgroups([0])),
                  ("chown", lambda: os.chown("/tmp", 0, 0))): attempt(name, act)
tell("ids", [os.getuid(), os.geteuid(), os.getgid()])
tell("groups", [g for g in os.getgroups() if g < 1000])
caps = [l.split()[1] for l in open("/proc/self/status") if l.startswith(("CapPrm", "CapEff", "CapBnd", "CapAmb"))]
tell("capabilities", [c for c in caps if int(c, 16)])
tell("no_new_privs", [l.split()[1] for l in open("/proc/self/status") if l.startswith("NoNewPrivs")])
`);
    const { ids, groups, capabilities, no_new_privs, ...attempts } = found;
    expect(Object.values(attempts).every((how) => /Error$/.test(String(how)))).toBe(true);
    expect(Math.min(...(ids as number[]))).toBeGreaterThan(10_000);
    expect([groups, capabilities]).toEqual([[], []]);
    expect(["1", undefined]).toContain((no_new_privs as string[])[0]);
  });

  it("attack: set-user-id programs, of the system and of one's own making", async () => {
    const result = await site.attack(
      "bash",
      `cp /usr/bin/id /tmp/id && chmod 6755 /tmp/id && /tmp/id -u
       for p in su sudo mount passwd newgrp; do command -v $p >/dev/null && timeout 2 $p -c id </dev/null 2>/dev/null; done; exit 0`,
    );
    expect(result.stdout.toString()).not.toMatch(/uid=0|^0$/m);
  });

  it("attack: new namespaces, to be root in them", async () => {
    const result = await site.attack(
      "bash",
      `unshare -Ur sh -c 'mount -t tmpfs x /usr; : >/etc/owned; : >/usr/owned; echo h >/proc/sys/kernel/hostname' 2>/dev/null
       [ -e /etc/owned ] || [ -e /usr/owned ] && echo owned; [ $(hostname) = h ] && echo renamed; exit 0`,
    );
    expect(result.stdout.toString()).toBe("");
  });

  it("attack: raw packets, sniffing, and sockets that leave the machine another way", async () => {
    const found = await site.spy(`
import socket
for name, args in (("raw", (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
                   ("packet", (17, socket.SOCK_RAW, 0x0300)), ("vsock", (40, socket.SOCK_STREAM, 0)),
                   ("bluetooth", (31, socket.SOCK_RAW, 1)), ("can", (29, socket.SOCK_RAW, 1)), ("alg", (38, 5, 0))):
    attempt(name, lambda: bool(socket.socket(*args)))
interfaces = [l.split(":")[0].strip() for l in open("/proc/net/dev").readlines()[2:]]
tell("interfaces", [i for i in interfaces if i != "lo"])
`);
    expect(found.interfaces).toEqual([]);
    // gVisor's own network stack has nothing behind it: a packet socket there sees nobody.
    const own = site.engine === "gvisor" ? ["packet", "raw"] : [];
    const open = Object.keys(found).filter((name) => found[name] === true && !own.includes(name));
    expect(open).toEqual([]);
  });

  it("attack: typing into the terminal of whoever started the gateway", async () => {
    const found = await site.spy(`
import fcntl
attempt("tty", lambda: bool(os.open("/dev/tty", os.O_RDWR)))
for fd in (0, 1, 2): attempt(f"TIOCSTI {fd}", lambda: fcntl.ioctl(fd, 0x5412, b"x"))
for fd in (0, 1, 2): attempt(f"TIOCLINUX {fd}", lambda: fcntl.ioctl(fd, 0x541C, b"\\2"))
`);
    expect(Object.values(found).filter((how) => !/Error$/.test(String(how)))).toEqual([]);
  });

  it("attack: signals to every process there is", async () => {
    const result = await site.attack(
      "python",
      `import os, signal
for pid in list(range(2, 400)) + [${process.pid}, ${process.ppid}]:
    if pid == os.getpid(): continue
    try: os.kill(pid, signal.SIGTERM)
    except OSError: pass
print("still here")`,
    );
    // It may end itself; nobody else feels it.
    expect(["ok", "error", "killed"]).toContain(result.verdict);
    expect(await site.attack("bash", "echo well")).toMatchObject({ verdict: "ok" });
  });
});
