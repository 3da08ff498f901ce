import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPublicAddress } from "../../../sandbox/egress/addresses.ts";

describe("a public address", () => {
  it.each([
    ...["93.184.216.34", "1.1.1.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"],
    ...["2606:4700::1111", "2a00::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"],
    ...["2002:5db8:d822::1", "2001:4860:4860::8888"],
  ])("is %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254"],
    ...["168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192"],
    ...["192.168.0.1", "198.18.0.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"],
    ...["::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1"],
    ...["64:ff9b::169.254.169.254", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1"],
    ...["2001::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "ff02::1"],
    ...["2606:4700::1111%eth0", "5f00::1", "", "localhost", "1.2.3", "01.2.3.4"],
  ])("is not %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it("is judged in IPv6 clothes as it is without them", () => {
    fc.assert(
      fc.property(fc.ipV4(), (v4) => {
        const [a = 0, b = 0, c = 0, d = 0] = v4.split(".").map(Number);
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const v6 of [`::ffff:${v4}`, `::ffff:${hex}`, `64:ff9b::${hex}`, `2002:${hex}::1`]) {
          expect(isPublicAddress(v6)).toBe(isPublicAddress(v4));
        }
      }),
    );
  });
});
