"""
The guest of the stand-in: the real launcher, run in namespaces of the host instead of on a kernel of
its own. Only what guest/init.py does is different: mounts, control group and sockets.
"""

import os
import resource
import socket
import subprocess
import sys

GUEST = os.path.join(os.path.dirname(__file__), "../../../sandbox/drivers/firecracker/guest")
sys.path.insert(0, os.path.realpath(GUEST))
sys.dont_write_bytecode = True

import kernel  # noqa: E402
import launcher  # noqa: E402

PIDS = "/sys/fs/cgroup/pids"


class Group:
    """
    Memory is watched instead of limited, and processes are counted in a control group beside the
    machine's own, so that the host still sees what the machine uses.
    """

    folder = f"{PIDS}/clawgate-fakevm-{os.getpid()}-{os.urandom(4).hex()}"
    entrance = None
    out_of_memory = False
    peak = 0

    def limit(self, memory_bytes, pids):
        self.memory_bytes, self.pids = memory_bytes, pids
        if os.path.exists(f"{PIDS}/cgroup.procs"):
            os.mkdir(self.folder)
            with open(f"{self.folder}/pids.max", "w", encoding="ascii") as file:
                file.write(str(pids + 1))
            self.entrance = os.open(f"{self.folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)

    def enter(self):
        if self.entrance is not None:
            os.write(self.entrance, b"0")
        else:
            resource.setrlimit(resource.RLIMIT_NPROC, (self.pids, self.pids))

    def is_out_of_memory(self):
        pids = self._job()
        used = sum(self._resident(pid) for pid in pids)
        if used > self.memory_bytes:  # pages that processes share are counted once for each
            used = sum(self._proportional(pid) for pid in pids)
        self.peak = max(self.peak, used)
        self.out_of_memory = self.out_of_memory or used > self.memory_bytes
        return self.out_of_memory

    def refused_forks(self):
        if self.entrance is None:
            return 0
        with open(f"{self.folder}/pids.events", encoding="ascii") as file:
            return int(file.read().split()[1])

    def peak_bytes(self):
        # Who looks now and then, and stands still in between, may miss it: the system keeps the largest process's.
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        return max(self.peak, largest)

    def remove(self):
        if self.entrance is not None:
            os.rmdir(self.folder)

    def _job(self):
        own = os.readlink("/proc/self/ns/pid")
        found = []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and os.readlink(f"/proc/{name}/ns/pid") != own:
                    found.append(name)
            except OSError:
                continue
        return found

    def _resident(self, pid):
        try:
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
        except (OSError, IndexError):
            return 0

    def _proportional(self, pid):
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) << 10
        except (OSError, StopIteration):
            return 0


def show_node(node):
    """The image would have one at this place."""
    if os.path.exists("/usr/bin/node"):
        return
    os.makedirs("/mnt/upper")
    os.makedirs("/mnt/work")
    kernel.mount("overlay", "/usr/bin", "overlay", 0, "lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work")
    subprocess.run(["/bin/cp", node, "/usr/bin/node"], check=True)


def main():
    jail, drive, node = sys.argv[1:]
    os.umask(0o022)
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("proc", "/proc", "proc", 0)
    kernel.mount("run", "/mnt", "tmpfs", 0, "mode=755")
    os.mkdir("/mnt/scratch", 0o711)
    subprocess.run(["/usr/bin/mount", "-o", "loop,nosuid,nodev,nodelalloc", drive, "/mnt/scratch"], check=True)
    show_node(node)
    group = Group()

    def connect_host(port):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{jail}/gout")
        connection.sendall(f"{port}\n".encode())
        return connection

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{jail}/g5000")
    listener.listen(1)
    connection, _ = listener.accept()
    listener.close()
    launcher.serve(connection, "/mnt/root", "/mnt/scratch", group, connect_host)
    connection.close()
    group.remove()


if __name__ == "__main__":
    main()
