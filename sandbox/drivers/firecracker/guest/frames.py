"""What host and guest say to each other over vsock: u8 type, u32 length (big endian), payload."""

import struct

# From the host, in pieces of which the last is empty.
SPEC = 1  # JSON: what the sandbox is made of, and whom it waits for
FILES = 2  # a tar archive: one for each mount in the order of the spec, then the job's own
GO = 3  # JSON: what to hand back
# From the guest.
READY = 17  # the interpreter waits for its job
STDOUT = 18
STDERR = 19
REFUSED = 20  # how many processes the job was refused so far, in decimal
EXIT = 21  # JSON: how the job ended
FILE = 22  # path of an output file, relative to the job's home, as bytes
DATA = 23  # a piece of that file
DONE = 24
FAULT = 25  # what went wrong in the guest itself, as text

CHUNK = 1 << 16
HEADER = struct.Struct(">BI")


def send(connection, kind, payload=b""):
    connection.sendall(HEADER.pack(kind, len(payload)) + payload)


def receive(connection, expected):
    kind, size = HEADER.unpack(_exactly(connection, HEADER.size))
    if kind != expected:
        raise OSError(f"the host sent frame {kind} where {expected} was due")
    return _exactly(connection, size)


def _exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(min(size - len(data), CHUNK))
        if not piece:
            raise OSError("the host hung up")
        data += piece
    return bytes(data)
