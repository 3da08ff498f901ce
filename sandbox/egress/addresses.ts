import { BlockList, isIPv4, isIPv6 } from "node:net";

// What is not reachable for everyone, and what belongs to a cloud's own services.
// @see https://www.iana.org/assignments/iana-ipv4-special-registry/
const RESERVED_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32", // Azure's metadata and health service has a public address
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];

// Only global unicast is handed out; these parts of it are not.
// @see https://www.iana.org/assignments/iana-ipv6-special-registry/
const GLOBAL_V6 = ["2000::/3"];
const RESERVED_V6 = ["2001::/23", "2001:db8::/32", "3fff::/20"];

// These carry an IPv4 address, which is where the packet ends up: mapped, NAT64, 6to4.
const MAPPED = ["::ffff:0:0/96"];
const NAT64 = ["64:ff9b::/96"];
const SIX_TO_FOUR = ["2002::/16"];

const blockList = (family: "ipv4" | "ipv6", subnets: readonly string[]) => {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = "", bits] = subnet.split("/");
    list.addSubnet(network, Number(bits), family);
  }
  return (address: string): boolean => list.check(address, family);
};

const isReservedV4 = blockList("ipv4", RESERVED_V4);
const isGlobalV6 = blockList("ipv6", GLOBAL_V6);
const isReservedV6 = blockList("ipv6", RESERVED_V6);
const endsInV4 = blockList("ipv6", [...MAPPED, ...NAT64]);
const isSixToFour = blockList("ipv6", SIX_TO_FOUR);

/** Whether an address belongs to the public internet. False for whatever is not plainly an address. */
export const isPublicAddress = (address: string): boolean => {
  if (isIPv4(address)) return !isReservedV4(address);
  if (!isIPv6(address) || address.includes("%")) return false;
  const groups = groupsOf(address);
  if (endsInV4(address)) return isPublicAddress(v4Of(groups, 6));
  if (isSixToFour(address)) return isPublicAddress(v4Of(groups, 1));
  return isGlobalV6(address) && !isReservedV6(address);
};

/** The eight 16-bit groups of a valid IPv6 address. */
const groupsOf = (address: string): readonly number[] => {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const parse = (part: string) => (part === "" ? [] : part.split(":").map((g) => parseInt(g, 16)));
  const [head = "", tail] = hex.split("::");
  if (tail === undefined) return parse(head);
  const [left, right] = [parse(head), parse(tail)];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
};

const v4Of = (groups: readonly number[], index: number): string => {
  const [high = 0, low = 0] = groups.slice(index, index + 2);
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
};
