import { BlockList, isIP } from 'node:net';

/** Which addresses requests may go to. */
export interface AddressPolicy {
  /** Whether an address, in its usual text form without brackets, may be connected to. False for what is no address. */
  allows(address: string): boolean;
}

/** The addresses that mean "any address" lead to this machine, so they are never allowed. */
const neverAllowed = ['0.0.0.0/32', '::/128'];

/**
 * A policy from ranges as they stand in the configuration (`10.0.0.0/8`, `::1`): what `allowed` names may be reached even where
 * `blocked` names it too; what neither names may be. An IPv4 address inside an IPv6 address (mapped, compatible, NAT64, 6to4) is judged
 * as the IPv4 address that it leads to, as well as by itself. Throws an Error for what is no range.
 */
export function createAddressPolicy(ranges: {
  readonly blocked: readonly string[];
  readonly allowed: readonly string[];
}): AddressPolicy {
  const blocked = listOf(ranges.blocked);
  const allowed = listOf(ranges.allowed);
  const never = listOf(neverAllowed);
  const judge = (address: string): boolean => {
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    if (never.check(address, family)) return false;
    return allowed.check(address, family) || !blocked.check(address, family);
  };
  return {
    allows(address) {
      const [bare = ''] = address.split('%');
      const family = isIP(bare);
      if (family === 0) return false;
      if (family === 4) return judge(bare);
      const inner = embeddedIPv4(bare);
      if (inner === undefined) return judge(bare);
      // Whoever allows `10.0.0.0/8` by name need not think of the ways in which IPv6 spells it.
      return judge(inner) && (allowed.check(inner, 'ipv4') || judge(bare));
    },
  };
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address);
    if (family === 0) throw new Error(`${JSON.stringify(range)} is no range of IP addresses`);
    const type = family === 4 ? 'ipv4' : 'ipv6';
    list.addSubnet(address, prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix), type);
  }
  return list;
}

/** The IPv4 address that traffic to this IPv6 address ends at, if any. */
function embeddedIPv4(address: string): string | undefined {
  const groups = groupsOf(address);
  const at = (index: number): number => groups[index] ?? 0;
  const startsWith = (...start: readonly number[]): boolean => start.every((group, index) => at(index) === group);
  // 6to4, https://www.rfc-editor.org/rfc/rfc3056
  if (startsWith(0x2002)) return dotted(at(1), at(2));
  // NAT64, https://www.rfc-editor.org/rfc/rfc6052, with the local-use prefix of RFC 8215.
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0) || startsWith(0x64, 0xff9b, 1, 0, 0, 0)) return dotted(at(6), at(7));
  // Mapped, translated and compatible: the last leaves out :: and ::1, which are addresses of their own.
  if (startsWith(0, 0, 0, 0, 0, 0xffff) || startsWith(0, 0, 0, 0, 0xffff, 0)) return dotted(at(6), at(7));
  if (startsWith(0, 0, 0, 0, 0, 0) && (at(6) !== 0 || at(7) > 1)) return dotted(at(6), at(7));
  return undefined;
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The eight groups of an IPv6 address that is known to be one. */
function groupsOf(address: string): number[] {
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a: string, b: string, c: string, d: string) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(':'),
  );
  const [before = '', after] = plain.split('::');
  const parse = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const head = parse(before);
  if (after === undefined) return head;
  const tail = parse(after);
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}
