/*
 * Just enough of ASN.1 in DER to write a certificate (ITU-T X.690).
 */

/** One value: its tag, its length, its content. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const bytes = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => der(0x30, ...items);
export const set = (...items: readonly Uint8Array[]): Buffer => der(0x31, ...items);
export const octets = (content: Uint8Array): Buffer => der(0x04, content);
export const bits = (content: Uint8Array): Buffer => der(0x03, Buffer.from([0]), content);
export const yes = der(0x01, Buffer.from([0xff]));
/** A tag of the context, holding other values (`explicit`) or bytes. */
export const explicit = (number: number, ...items: readonly Uint8Array[]): Buffer => der(0xa0 + number, ...items);
export const implicit = (number: number, content: Uint8Array): Buffer => der(0x80 + number, content);

/** A positive integer from its bytes. */
export function integer(bytes: Uint8Array): Buffer {
  // The first bit is the sign.
  const [first = 0] = bytes;
  return der(0x02, first & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** An object identifier such as `2.5.29.17`. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest.flatMap(base128)];
  return der(0x06, Buffer.from(bytes));
}

function base128(value: number): number[] {
  const groups = [value & 127];
  for (let left = value >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
  return groups;
}

/** A moment in UTC, to the second. */
export function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return der(0x18, Buffer.from(`${text}Z`));
}

export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
