#!/usr/bin/python3 -E
"""First process of the guest: mounts what is needed, serves the host once, powers off."""

import ctypes
import os
import socket

import kernel
import launcher

PORT = 5000
HOST = 2  # VMADDR_CID_HOST
RB_AUTOBOOT = 0x01234567
CGROUPS = "/run/cgroup"
ROOT = "/run/root"
SCRATCH = "/run/scratch"


class Group:
    """The job's control group. The guest has no other use for memory: the machine's is the limit."""

    folder = CGROUPS + "/job"

    def __init__(self):
        os.mkdir(CGROUPS, 0o700)
        kernel.mount("cgroup2", CGROUPS, "cgroup2", 0)
        with open(CGROUPS + "/cgroup.subtree_control", "w", encoding="ascii") as control:
            control.write("+memory +pids")
        os.mkdir(self.folder)

    def limit(self, memory_bytes, pids):
        self._write("memory.max", memory_bytes)
        self._write("memory.oom.group", 1)
        self._write("pids.max", pids + 1)  # the namespace's first process counts too
        self._entrance = os.open(self.folder + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def enter(self):
        os.write(self._entrance, b"0")

    def is_out_of_memory(self):
        for line in self._read("memory.events").splitlines():
            name, count = line.split()
            if name == "oom_kill":
                return int(count) > 0
        return False

    def refused_forks(self):
        return int(self._read("pids.events").split()[1])

    def peak_bytes(self):
        return int(self._read("memory.peak"))

    def _read(self, name):
        with open(f"{self.folder}/{name}", encoding="ascii") as file:
            return file.read()

    def _write(self, name, value):
        with open(f"{self.folder}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))


def connect_host(port):
    connection = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    connection.connect((HOST, port))
    return connection


def open_standard_streams():
    """A guest without a console starts with none, and pipes would take their numbers."""
    while (descriptor := os.open("/dev/null", os.O_RDWR)) < 3:
        pass
    os.close(descriptor)


def mount_all():
    quiet = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", "/proc", "proc", quiet)
    if not os.path.exists("/dev/null"):  # where the kernel did not do it
        kernel.mount("dev", "/dev", "devtmpfs", kernel.MS_NOSUID)
    kernel.mount("run", "/run", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755")
    os.mkdir(SCRATCH, 0o711)
    # Without delayed allocation a write that does not fit fails at once, and one that fits does not.
    kernel.mount("/dev/vdb", SCRATCH, "ext4", kernel.MS_NOSUID | kernel.MS_NODEV, "nodelalloc")


def main():
    os.umask(0o022)
    os.environ.clear()
    mount_all()
    open_standard_streams()
    group = Group()
    listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    listener.bind((socket.VMADDR_CID_ANY, PORT))
    listener.listen(1)
    connection, _ = listener.accept()
    listener.close()
    launcher.serve(connection, ROOT, SCRATCH, group, connect_host)
    connection.close()


if __name__ == "__main__":
    try:
        main()
    finally:
        # Firecracker ends when its guest resets; a first process that returned would panic it.
        ctypes.CDLL(None).reboot(RB_AUTOBOOT)
