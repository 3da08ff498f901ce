"""One job in namespaces of its own: a process tree that ends, whole, when the job ends."""

import os
import resource
import signal
import struct

import kernel

NAMESPACES = (
    kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWUTS
)
STATUS = struct.Struct("i")
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}  # the launcher makes the job's own


def start(root, spec, group, streams, outer):
    """
    `streams` become the job's; `outer` are the launcher's own descriptors, which nothing here keeps.
    Returns the pid of the process that holds the namespaces, and the descriptor that its one word,
    the job's wait status, comes on. Nothing of the job lives once that descriptor is at its end.
    """
    status_read, status_write = os.pipe()
    holder = os.fork()
    if holder == 0:
        for descriptor in (*outer, status_read):
            os.close(descriptor)
        _never_return(lambda: _hold(root, spec, group, streams, status_write))
    os.close(status_write)
    return holder, status_read


def _never_return(work):
    try:
        work()
    finally:
        os._exit(125)  # reached by an error only; without a status word it means: not the job's fault


def _hold(root, spec, group, streams, status):
    kernel.unshare(NAMESPACES)
    first = os.fork()  # the first process of the namespace: when it ends, the kernel kills the rest
    if first == 0:
        _never_return(lambda: _first(root, spec, group, streams, status))
    os.close(status)
    for stream in streams:
        os.close(stream)
    os.waitpid(first, 0)
    os._exit(0)


def _first(root, spec, group, streams, status):
    kernel.mount("proc", root + "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    kernel.raise_loopback()
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w", encoding="ascii") as first_port:
        first_port.write("0")  # in a network of its own everyone may listen on any port
    group.enter()
    os.chroot(root)
    os.chdir(spec["home"])
    child = os.fork()
    if child == 0:
        _never_return(lambda: _become(spec, spec["command"], streams))
    for stream in streams:
        os.close(stream)
    while True:
        pid, result = os.wait()  # adopted processes end here too
        if pid == child:
            break
    os.write(status, STATUS.pack(result))
    os._exit(0)


def _become(spec, argv, streams):
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    os.closerange(3, 1 << 16)
    os.setsid()
    for limit, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 1024)):
        resource.setrlimit(limit, (value, value))
    kernel.renounce()
    os.setgroups([])
    os.setresgid(spec["uid"], spec["uid"], spec["uid"])
    os.setresuid(spec["uid"], spec["uid"], spec["uid"])
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and a program would inherit that
    try:
        os.execve(argv[0], argv, ENVIRONMENT)
    except OSError:
        os._exit(127)
