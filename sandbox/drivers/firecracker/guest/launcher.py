"""Serves one host connection: builds the sandbox, runs the one job, hands its outputs over."""

import json
import os
import select
import selectors
import signal
import stat
import threading

import frames
import job
import job_root

POLL_S = 0.025
BOOT_S = 15
OUTPUT_FILES = 1000
OUTPUT_BYTES = 64 << 20
OUTPUT_DEPTH = 16


def serve(connection, root, scratch, group, connect_host):
    """
    `group` limits and counts the job; `connect_host(port)` opens a connection to the host. Returns
    when the host has all. What goes wrong on our side is told as FAULT, never as the job's end.
    """
    try:
        spec = _message(connection, frames.SPEC)
        archives = (_pieces(connection, frames.FILES) for _ in spec["mounts"])
        doors = job_root.build(root, scratch, spec, archives)
        _bridge(doors, connect_host)
        group.limit(spec["memoryBytes"], spec["pids"])
        run = _Run(connection, root, spec, group)
        frames.send(connection, frames.READY)
        job_root.extract(root + spec["jobFolder"], _pieces(connection, frames.FILES))
        wanted = _message(connection, frames.GO)
        ended = run.to_the_end()
        space = os.statvfs(scratch)
        ended["isDiskFull"] = space.f_bavail == 0 or space.f_ffree == 0
        frames.send(connection, frames.EXIT, json.dumps(ended).encode())
        if "outputs" in wanted:
            _send_outputs(connection, root + spec["home"], wanted["outputs"])
        frames.send(connection, frames.DONE)
    except Exception as error:  # whatever it is, the host has to hear of it
        try:
            frames.send(connection, frames.FAULT, f"{type(error).__name__}: {error}".encode()[:1000])
        except OSError:
            pass


def _message(connection, kind):
    return json.loads(b"".join(_pieces(connection, kind)))


def _pieces(connection, kind):
    while piece := frames.receive(connection, kind):
        yield piece


class _Run:
    """The interpreter, first waiting for its job and then being it."""

    def __init__(self, connection, root, spec, group):
        self.connection, self.group = connection, group
        inner_in, self.gate = os.pipe()
        self.outs = {}
        inner = [inner_in]
        for kind in (frames.STDOUT, frames.STDERR):
            read, write = os.pipe()
            os.fchown(write, spec["uid"], spec["uid"])  # the job may open it by name: /dev/stdout
            self.outs[read] = kind
            inner.append(write)
        outer = (*self.outs, self.gate, connection.fileno())
        self.holder, self.status = job.start(root, spec, group, inner, outer)
        for descriptor in inner:
            os.close(descriptor)
        self.word = b""
        self.refused = group.refused_forks()
        self.selector = selectors.DefaultSelector()
        for read in self.outs:
            self.selector.register(read, selectors.EVENT_READ, self._copy_out)
        self.selector.register(self.status, selectors.EVENT_READ, self._note_status)
        out, notes = self.outs
        if not select.select([out], [], [], BOOT_S)[0] or os.read(out, 1) != b"+":
            said = os.read(notes, 200) if select.select([notes], [], [], 0)[0] else b""
            raise OSError(f"the interpreter does not start: {said.decode(errors='replace')}")

    def to_the_end(self):
        os.close(self.gate)
        # The outputs are at their end when the last process is dead, or earlier if the job closes them.
        while self.outs or self.status is not None:
            for key, _ in self.selector.select(POLL_S):
                key.data(key.fd)
            if self.group.is_out_of_memory():
                self._kill()  # one process died of it; the others may wait for it for ever
            refused = self.group.refused_forks()
            if refused != self.refused:
                self.refused = refused
                frames.send(self.connection, frames.REFUSED, str(refused).encode())
        os.waitpid(self.holder, 0)
        ended = {
            "isOutOfMemory": self.group.is_out_of_memory(),
            "peakMemoryBytes": self.group.peak_bytes(),
        }
        if len(self.word) == job.STATUS.size:
            code = os.waitstatus_to_exitcode(job.STATUS.unpack(self.word)[0])
            ended["exitCode"] = code if code >= 0 else 128 - code
        return ended

    def _copy_out(self, descriptor):
        piece = os.read(descriptor, frames.CHUNK)
        if piece:
            frames.send(self.connection, self.outs[descriptor], piece)
            return
        self.selector.unregister(descriptor)
        os.close(descriptor)
        del self.outs[descriptor]

    def _note_status(self, descriptor):
        self.word = os.read(descriptor, job.STATUS.size)
        self.selector.unregister(descriptor)
        os.close(descriptor)
        self.status = None

    def _kill(self):
        """The holder's only child is the first process of the job's namespace."""
        try:
            with open(f"/proc/{self.holder}/task/{self.holder}/children", encoding="ascii") as file:
                for pid in file.read().split():
                    os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass  # already gone


def _send_outputs(connection, home, name):
    """Everything of the job is dead. Links are not followed, and only plain files are sent."""
    left = {"files": OUTPUT_FILES, "bytes": OUTPUT_BYTES}
    home, name = os.fsencode(home), os.fsencode(name)

    def walk(path, depth):
        with os.scandir(home + b"/" + path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            child = path + b"/" + entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth < OUTPUT_DEPTH:
                    walk(child, depth + 1)
            elif entry.is_file(follow_symlinks=False) and left["files"] > 0:
                left["files"] -= 1
                send(child)

    def send(path):
        descriptor = os.open(home + b"/" + path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
                return
            frames.send(connection, frames.FILE, path)
            while left["bytes"] >= 0 and (piece := file.read(frames.CHUNK)):
                left["bytes"] -= len(piece)
                frames.send(connection, frames.DATA, piece)

    if os.path.isdir(home + b"/" + name) and not os.path.islink(home + b"/" + name):
        walk(name, 0)


def _bridge(doors, connect_host):
    """Carries bytes between sockets inside and the host, in a process of its own."""
    if not doors or os.fork() != 0:
        for listener, _ in doors:
            listener.close()
        return
    for listener, port in doors:
        threading.Thread(target=_accept, args=(listener, port, connect_host)).start()
    threading.Event().wait()


def _accept(listener, port, connect_host):
    while True:
        inside, _ = listener.accept()
        try:
            outside = connect_host(port)
        except OSError:
            inside.close()
            continue
        for source, target in ((inside, outside), (outside, inside)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source, target):
    try:
        while piece := source.recv(frames.CHUNK):
            target.sendall(piece)
        target.shutdown(1)  # the other direction may still have something to say
    except OSError:
        for end in (source, target):
            try:
                end.shutdown(2)
            except OSError:
                pass
