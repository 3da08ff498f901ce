import { describe, expect, it } from "vitest";
import { seccompFilter } from "../../sandbox/seccomp.ts";
import { SYSCALLS, type SyscallTable } from "../../sandbox/syscalls.ts";

const ALLOW = "allow";
const verdicts = new Map([
  [0x7fff0000, ALLOW],
  [0x80000000, "kill"],
  [0x00050001, "EPERM"],
  [0x00050026, "ENOSYS"],
  [0x00050061, "EAFNOSUPPORT"],
]);

/** Runs the filter as the kernel does on one call. */
const judge = (filter: Buffer, audit: number, number: number, args: readonly number[] = []) => {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number, 0);
  data.writeUInt32LE(audit, 4);
  for (const [index, value] of args.entries()) {
    data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + index * 8);
  }
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const code = filter.readUInt16LE(at * 8);
    const k = filter.readUInt32LE(at * 8 + 4);
    if (code === 0x06) return verdicts.get(k) ?? k;
    if (code === 0x20) {
      accumulator = data.readUInt32LE(k);
      continue;
    }
    const isTrue =
      code === 0x15
        ? accumulator === k
        : code === 0x35
          ? accumulator >= k
          : (accumulator & k) !== 0;
    at += filter.readUInt8(at * 8 + (isTrue ? 2 : 3));
  }
  return "ran off the end";
};

describe.each(Object.entries(SYSCALLS))("the %s filter", (_, table: SyscallTable) => {
  const filter = seccompFilter(table);
  const call = (number: number, ...args: number[]) => judge(filter, table.audit, number, args);

  it("refuses every denied call and allows ordinary ones", () => {
    for (const number of table.denied) expect(call(number)).toBe("EPERM");
    const special = [table.clone, table.clone3, table.socket, table.ioctl, ...table.denied];
    for (let number = 0; number < 424; number++) {
      if (!special.includes(number)) expect(call(number)).toBe(ALLOW);
    }
  });

  it("kills calls of another architecture or convention", () => {
    expect(judge(filter, 0x40000003, 1)).toBe("kill"); // i386
    if (table.foreignFrom !== undefined) expect(call(table.foreignFrom + 1)).toBe("kill");
  });

  it("allows threads and processes, not new namespaces", () => {
    expect(call(table.clone, 0x003d0f00)).toBe(ALLOW); // as pthread_create calls it
    expect(call(table.clone, 0x01200011)).toBe(ALLOW); // as fork does
    for (const flag of [0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x04000000]) {
      expect(call(table.clone, flag | 17)).toBe("EPERM");
    }
    expect(call(table.clone3)).toBe("ENOSYS");
  });

  it("allows sockets of three families only", () => {
    for (const family of [1, 2, 10]) expect(call(table.socket, family)).toBe(ALLOW);
    for (const family of [0, 16, 17, 40, 38])
      expect(call(table.socket, family)).toBe("EAFNOSUPPORT");
  });

  it("stops typing into the terminal, also with the upper half of the argument set", () => {
    expect(call(table.ioctl, 0, 0x5401)).toBe(ALLOW);
    for (const command of [0x5412, 0x541c, 2 ** 32 + 0x5412]) {
      expect(call(table.ioctl, 0, command)).toBe("EPERM");
    }
  });

  it("fits into what the kernel takes", () => {
    expect(filter.length / 8).toBeLessThan(4096);
  });
});
