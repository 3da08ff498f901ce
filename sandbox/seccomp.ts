import type { SyscallTable } from "./syscalls.ts";

// Offsets in struct seccomp_data. Arguments are 64 bits wide; the kernel reads the lower half of the
// ones tested here, which comes first on both architectures (little endian).
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number) => 16 + 8 * index;

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const refuse = (errno: number) => 0x00050000 | errno;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

const CLONE_NEW_NAMESPACE = 0x7e020000;
const SOCKET_FAMILIES = [1, 2, 10]; // unix, IPv4, IPv6
const TERMINAL_INJECTION = [0x5412, 0x541c]; // TIOCSTI, TIOCLINUX

/** One instruction: code, jump if true, jump if false, operand. */
type Instruction = readonly [code: number, jt: number, jf: number, k: number];

const load = (offset: number): Instruction => [0x20, 0, 0, offset];
const exit = (action: number): Instruction => [0x06, 0, 0, action];
const JUMP = { equal: 0x15, atLeast: 0x35, anyBit: 0x45 };
/** Runs the block when the loaded value passes the test, else jumps over it. */
const when = (test: keyof typeof JUMP, k: number, block: readonly Instruction[]): Instruction[] => [
  [JUMP[test], 0, block.length, k],
  ...block,
];

/**
 * A seccomp filter as the kernel reads it (`struct sock_filter[]`, little endian): refuses calls that
 * reach deep into the kernel, new namespaces, odd socket families and terminal injection.
 * @see https://docs.kernel.org/userspace-api/seccomp_filter.html
 */
export const seccompFilter = (table: SyscallTable): Buffer => {
  const { audit, foreignFrom, denied, clone, clone3, socket, ioctl } = table;
  const program: Instruction[] = [
    load(ARCHITECTURE),
    [JUMP.equal, 1, 0, audit],
    exit(KILL),
    load(NUMBER),
    ...(foreignFrom === undefined ? [] : when("atLeast", foreignFrom, [exit(KILL)])),
    ...denied.flatMap((number) => when("equal", number, [exit(refuse(EPERM))])),
    // Its flags lie in memory, out of a filter's sight; without it glibc falls back to clone.
    ...when("equal", clone3, [exit(refuse(ENOSYS))]),
    ...when("equal", clone, [
      load(argument(0)),
      ...when("anyBit", CLONE_NEW_NAMESPACE, [exit(refuse(EPERM))]),
      exit(ALLOW),
    ]),
    ...when("equal", socket, [
      load(argument(0)),
      ...SOCKET_FAMILIES.flatMap((family) => when("equal", family, [exit(ALLOW)])),
      exit(refuse(EAFNOSUPPORT)),
    ]),
    ...when("equal", ioctl, [
      load(argument(1)),
      ...TERMINAL_INJECTION.flatMap((command) => when("equal", command, [exit(refuse(EPERM))])),
      exit(ALLOW),
    ]),
    exit(ALLOW),
  ];
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, [code, jt, jf, k]] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
};
