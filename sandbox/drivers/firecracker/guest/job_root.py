"""Builds all that the job will see: nothing else of the guest exists for it."""

import os
import shutil
import socket
import stat
import subprocess

import kernel

DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}
# Shared libraries and commands are found through these.
KEPT_OF_ETC = ("ld.so.cache", "alternatives", "ssl/certs/ca-certificates.crt")
PROGRAM_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
TMPFS_FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV


def build(root, scratch, spec, archives):
    """
    `archives` yields, for each of the spec's mounts in order, an iterable of bytes. Returns the
    sockets that lead out, listening, each with the host's port that it stands for.
    """
    kernel.mount("", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    os.makedirs(root, exist_ok=True)
    kernel.mount("root", root, "tmpfs", TMPFS_FLAGS, "mode=755")
    _system(root)
    _etc(root, spec)
    _hide(root, spec["blocked"])
    _devices(root)
    for path in spec["empty"]:
        os.makedirs(root + path)
    way_out = spec.get("wayOut", {"path": None, "sockets": []})
    doors = []
    for path, archive in zip(spec["mounts"], archives):
        os.makedirs(root + path, exist_ok=True)
        kernel.mount("files", root + path, "tmpfs", TMPFS_FLAGS, "mode=755")
        extract(root + path, archive)
        if path == way_out["path"]:
            doors = [_door(f"{root}{path}/{door['name']}", door["port"]) for door in way_out["sockets"]]
        if path != spec["jobFolder"]:
            kernel.read_only(root + path)
    for index, path in enumerate(["/dev/shm", *spec["writable"]]):
        place = f"{scratch}/{index}"
        os.mkdir(place)
        os.chown(place, spec["uid"], spec["uid"])
        os.chmod(place, 0o700)
        os.makedirs(root + path, exist_ok=True)
        kernel.mount(place, root + path, "", kernel.MS_BIND)
    _fill(scratch, spec["diskBytes"], spec["files"])
    os.mkdir(root + "/proc")
    kernel.read_only(root)
    return doors


def _fill(scratch, disk_bytes, files):
    """
    Takes what the drive has beyond the limits, since it cannot be made to the byte. The file system
    keeps its books in the same space: of a file in many pieces, the list takes a block, too.
    """
    place = f"{scratch}/surplus"
    os.mkdir(place, 0o700)
    space = os.statvfs(scratch)
    for number in range(max(0, space.f_favail - files - 1)):
        os.close(os.open(f"{place}/{number}", os.O_CREAT | os.O_WRONLY, 0o600))
    descriptor = os.open(f"{place}/bytes", os.O_CREAT | os.O_WRONLY, 0o600)
    size, room = 0, disk_bytes // space.f_frsize
    while (surplus := os.statvfs(scratch).f_bavail - room) > 0:
        os.posix_fallocate(descriptor, size, surplus * space.f_frsize)
        size += surplus * space.f_frsize
    os.close(descriptor)


def _system(root):
    os.mkdir(root + "/usr")
    kernel.bind_read_only("/usr", root + "/usr")
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{name}", f"{root}/{name}")


def _etc(root, spec):
    etc = root + "/etc"
    os.makedirs(etc + "/ssl/certs")
    uid = spec["uid"]
    texts = {
        "passwd": f"root:x:0:0:root:/:/usr/sbin/nologin\njob:x:{uid}:{uid}:job:{spec['home']}:/bin/sh\n",
        "group": f"root:x:0:\njob:x:{uid}:\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n" + spec["hosts"],
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }
    for name, text in texts.items():
        with open(f"{etc}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    for name in KEPT_OF_ETC:
        source = f"/etc/{name}"
        if os.path.isdir(source):
            shutil.copytree(source, f"{etc}/{name}", symlinks=True)
        elif os.path.exists(source):
            shutil.copyfile(source, f"{etc}/{name}")


def _hide(root, blocked):
    """Covers the programs of these names, and `name.variant`, with a file that nobody can run."""
    for folder in PROGRAM_FOLDERS:
        for program in os.listdir(folder) if os.path.isdir(folder) else ():
            real = os.path.realpath(f"{folder}/{program}")
            is_meant = any(program == name or program.startswith(name + ".") for name in blocked)
            if is_meant and real.startswith("/usr/") and os.path.isfile(root + real):
                kernel.mount("/dev/null", root + real, "", kernel.MS_BIND)


def _devices(root):
    dev = root + "/dev"
    os.mkdir(dev)
    kernel.mount("dev", dev, "tmpfs", kernel.MS_NOSUID | kernel.MS_NOEXEC, "mode=755,size=64k")
    for name, number in DEVICES.items():
        os.mknod(f"{dev}/{name}", stat.S_IFCHR | 0o666, os.makedev(*number))
        os.chmod(f"{dev}/{name}", 0o666)
    os.symlink("/proc/self/fd", dev + "/fd")
    for index, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{index}", f"{dev}/{name}")
    os.mkdir(dev + "/shm")
    kernel.read_only(dev, kernel.MS_NOSUID | kernel.MS_NOEXEC)


def _door(path, port):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    return listener, port


def extract(target, archive):
    command = ["/usr/bin/tar", "-x", "-p", "--no-same-owner", "--overwrite", "-C", target, "-f", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as tar:
        for piece in archive:
            tar.stdin.write(piece)
        tar.stdin.close()
        if tar.wait() != 0:
            raise OSError(f"tar failed on {target}: {tar.returncode}")
