/** Where things lie and listen inside. Loopback only: nothing of it can be reached from elsewhere. */
export const INSIDE = {
  folder: "/run/openshell",
  proxyHost: "127.0.0.1",
  proxyPort: 3128,
  /** Stands for every allowed host, for clients that know of no proxy. */
  directHost: "127.0.0.2",
} as const;

/** The link's sockets, by what comes through them. */
export const SOCKETS = { proxy: "egress.sock", http: "http.sock", tls: "tls.sock" } as const;

/**
 * The program that runs inside: passes each connection on to the socket of its port. Once all ports
 * listen it becomes the command that follows it, or ends; a child does the work. Python's built-in modules only, because starting is most of
 * what it costs; one process for all connections, because processes are counted.
 */
export const FORWARDER = `
import _socket, posix, select, sys

ROUTES = (
    ("${INSIDE.proxyHost}", ${INSIDE.proxyPort}, "${SOCKETS.proxy}"),
    ("${INSIDE.directHost}", 80, "${SOCKETS.http}"),
    ("${INSIDE.directHost}", 443, "${SOCKETS.tls}"),
)
CHUNK = 65536

listeners = {}
for host, port, name in ROUTES:
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    listener.setblocking(False)
    listeners[listener.fileno()] = (listener, "${INSIDE.folder}/" + name)

child = posix.fork()
if child > 0:
    if posix.getpid() != 1:
        posix.waitpid(child, 0)
    if sys.argv[1:]:
        posix.execv(sys.argv[1], sys.argv[1:])
    posix._exit(0)
# A job that waits for any child of its own must not wait for this one, so it is process 1's; where
# the job is process 1, nothing can be done about it.
if posix.getppid() != 1 and posix.fork() > 0:
    posix._exit(0)
posix.setsid()
last = 2
for number in sorted(listeners) + [1024]:
    posix.closerange(last + 1, number)
    last = number
null = posix.open("/dev/null", posix.O_RDWR)
for number in (0, 1, 2):
    posix.dup2(null, number)

poll = select.epoll()
ends = {}


class End:
    """One side of a connection; what it has to say is read only when the other side has room."""

    def __init__(self, sock):
        sock.setblocking(False)
        self.sock, self.number, self.mask = sock, sock.fileno(), 0
        self.peer, self.out, self.ended, self.shut = None, b"", False, False
        ends[self.number] = self

    def watch(self):
        mask = select.EPOLLOUT if self.out else 0
        if not self.ended and not self.peer.out:
            mask |= select.EPOLLIN
        if mask == self.mask:
            return
        if not mask:
            poll.unregister(self.number)
        elif self.mask:
            poll.modify(self.number, mask)
        else:
            poll.register(self.number, mask)
        self.mask = mask

    def read(self):
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        if data:
            self.peer.out = data
        else:
            self.ended = True
        self.peer.flush()

    def flush(self):
        if self.out:
            try:
                self.out = self.out[self.sock.send(self.out):]
            except BlockingIOError:
                return
        if self.peer.ended and not self.out and not self.shut:
            self.shut = True
            self.sock.shutdown(_socket.SHUT_WR)

    def drop(self):
        if self.mask:
            poll.unregister(self.number)
        ends.pop(self.number, None)
        self.sock.close()


def accept(listener, path):
    number, _ = listener._accept()
    client = _socket.socket(fileno=number)
    target = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        target.connect(path)
    except OSError:
        client.close()
        target.close()
        return
    one, other = End(client), End(target)
    one.peer, other.peer = other, one
    one.watch()
    other.watch()


def serve(end, events):
    try:
        if events & select.EPOLLOUT:
            end.flush()
        if events & ~select.EPOLLOUT and not end.ended and not end.peer.out:
            end.read()
        elif events & select.EPOLLERR:
            raise OSError
        if end.shut and end.peer.shut:
            raise OSError
        end.watch()
        end.peer.watch()
    except OSError:
        end.drop()
        end.peer.drop()


for number in listeners:
    poll.register(number, select.EPOLLIN)
while True:
    for number, events in poll.poll():
        try:
            if number in listeners:
                accept(*listeners[number])
            elif number in ends:
                serve(ends[number], events)
        except OSError:
            pass
`;
