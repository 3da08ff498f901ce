/** Kinds of frames that the relay writes. */
export const FRAME = { listening: 0, packet: 1, ended: 2, failed: 3 } as const;

/** u32 length of the body, u32 number of the endpoint, u8 kind; little endian; then the body. */
export const FRAME_HEAD_BYTES = 9;

/**
 * A packet may have what the kernel lets a sender buffer (212,992 bytes unless tuned); what is longer
 * than this arrives cut and counts as lost.
 */
export const MAX_PACKET_BYTES = 1 << 18;

/**
 * Node cannot accept sockets of type SOCK_SEQPACKET, so this small program does. It reads commands on
 * stdin, one a line: `listen <number> <path>`; `settle <number>`, which ends at once what nobody
 * connected to; `forget <number>`. It writes frames on stdout. An endpoint takes one connection, which
 * says hello as gVisor does (Handshake{version: 1}) and then sends packets that are passed on as they
 * are. The program ends with its stdin. When the gateway does not read, it stops reading too: then
 * gVisor drops, and says in its next packet how many.
 * @see https://github.com/google/gvisor/blob/master/pkg/sentry/seccheck/README.md
 */
export const RELAY_SOURCE = String.raw`
import os, select, signal, socket, struct

HEAD = struct.Struct("<IIB")
LISTENING, PACKET, ENDED, FAILED = range(4)
HELLO = b"\x08\x01"
BUFFER = memoryview(bytearray(${MAX_PACKET_BYTES}))
HIGH_WATER = 1 << 23  # bytes that the gateway has not read yet
TURN = 64  # packets of one connection before another has its turn

# Whoever stops the gateway may signal us too, but its last runs are still to be heard.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
os.set_blocking(0, False)
os.set_blocking(1, False)
commands = bytearray()
out = bytearray()
listeners, connections, greeted = {}, {}, set()  # by file descriptor: (socket, number)
incoming = select.epoll()
loop = select.epoll()
loop.register(0, select.EPOLLIN)
loop.register(incoming.fileno(), select.EPOLLIN)
reading = True
writing = False


def frame(number, kind, body=b""):
    out.extend(HEAD.pack(len(body), number, kind))
    out.extend(body)


def listen(number, path):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        listener.bind(path)
        listener.listen(1)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        frame(number, FAILED, str(error).encode())
        return
    listeners[listener.fileno()] = (listener, number)
    incoming.register(listener.fileno(), select.EPOLLIN)
    frame(number, LISTENING)


def close(table, descriptor):
    incoming.unregister(descriptor)
    table.pop(descriptor)[0].close()
    greeted.discard(descriptor)


def forget(number):
    for table in (listeners, connections):
        for descriptor in [key for key, (_, other) in table.items() if other == number]:
            close(table, descriptor)


def settle(number):
    if any(number == other for _, other in listeners.values()):
        forget(number)
        frame(number, ENDED)


def accept(descriptor):
    listener, number = listeners[descriptor]
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    close(listeners, descriptor)
    connection.setblocking(False)
    connections[connection.fileno()] = (connection, number)
    incoming.register(connection.fileno(), select.EPOLLIN)


def receive(descriptor):
    connection, number = connections[descriptor]
    for _ in range(TURN):
        try:
            length = connection.recv_into(BUFFER)
        except BlockingIOError:
            return
        except OSError:
            length = 0
        if length == 0:
            close(connections, descriptor)
            frame(number, ENDED)
            return
        if descriptor in greeted:
            frame(number, PACKET, BUFFER[:length])
        else:
            greeted.add(descriptor)
            try:
                connection.send(HELLO)
            except OSError:
                pass  # the next read says that it is gone


def obey():
    try:
        data = os.read(0, 65536)
    except BlockingIOError:
        return True
    commands.extend(data)
    *lines, rest = bytes(commands).split(b"\n")
    commands[:] = rest
    for line in lines:
        verb, number, *path = os.fsdecode(line).split(" ", 2)
        if verb == "listen":
            listen(int(number), path[0])
        elif verb == "settle":
            settle(int(number))
        else:
            forget(int(number))
    return data != b""


def run():
    global reading, writing
    while True:
        for descriptor, _ in loop.poll():
            if descriptor == 0:
                if not obey():
                    return
            elif descriptor == incoming.fileno():
                for ready, _ in incoming.poll(0):
                    if ready in listeners:
                        accept(ready)
                    elif ready in connections:
                        receive(ready)
        try:
            while out:
                del out[: os.write(1, out)]
        except BlockingIOError:
            pass
        if writing != bool(out):
            writing = bool(out)
            loop.register(1, select.EPOLLOUT) if writing else loop.unregister(1)
        if reading != (len(out) < HIGH_WATER):
            reading = len(out) < HIGH_WATER
            loop.modify(incoming.fileno(), select.EPOLLIN if reading else 0)


try:
    run()
except BrokenPipeError:
    pass
`;
