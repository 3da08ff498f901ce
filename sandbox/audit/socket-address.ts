/** Where a socket was to be connected to. */
export interface SocketTarget {
  /** An address, a socket's path (`@name` for an abstract one), or the number of another family. */
  readonly to: string;
  readonly port?: number;
}

const FAMILY = { none: 0, unix: 1, inet: 2, inet6: 10 } as const;

/**
 * Reads a `struct sockaddr` as the job gave it. Undefined where nothing is connected to; what is too
 * short for its family is named by the family. @see https://man7.org/linux/man-pages/man3/sockaddr.3type.html
 */
export const socketAddress = (bytes: Buffer): SocketTarget | undefined => {
  if (bytes.length < 2) return undefined;
  const family = bytes.readUInt16LE(0);
  if (family === FAMILY.none) return undefined; // takes a connection back
  if (family === FAMILY.unix) return { to: unixPath(bytes.subarray(2)) };
  if (family === FAMILY.inet && bytes.length >= 8) {
    return { to: [...bytes.subarray(4, 8)].join("."), port: bytes.readUInt16BE(2) };
  }
  if (family === FAMILY.inet6 && bytes.length >= 24) {
    return { to: address6(bytes.subarray(8, 24)), port: bytes.readUInt16BE(2) };
  }
  return { to: `address family ${family}` };
};

const unixPath = (bytes: Buffer): string => {
  if (bytes[0] === 0) return `@${bytes.subarray(1).toString("utf8")}`;
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? bytes.length : end).toString("utf8");
};

const address6 = (bytes: Buffer): string => {
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  if (isMapped) return `::ffff:${[...bytes.subarray(12)].join(".")}`;
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16)).join(
    ":",
  );
};
