import { Buffer } from 'node:buffer';

/** Unpadded base64; https://spec.matrix.org/v1.19/appendices/#unpadded-base64 */
export function encodeBase64(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64').replace(/=+$/, '');
}

/** URL-safe unpadded base64; https://spec.matrix.org/v1.19/appendices/#url-safe-unpadded-base64 */
export function encodeUrlSafeBase64(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64url');
}

/** The bytes of standard base64, padded or not; undefined where the text is none. */
export function decodeBase64(text: string): Buffer | undefined {
  return isBase64(text, /^[A-Za-z0-9+/]*$/) ? Buffer.from(text, 'base64') : undefined;
}

/** The bytes of URL-safe base64, padded or not; undefined where the text is none. */
export function decodeUrlSafeBase64(text: string): Buffer | undefined {
  return isBase64(text, /^[A-Za-z0-9_-]*$/) ? Buffer.from(text, 'base64url') : undefined;
}

function isBase64(text: string, alphabet: RegExp): boolean {
  const digits = text.replace(/={1,2}$/, '');
  if (digits !== text && text.length % 4 !== 0) return false;
  // One digit has six bits, which is no byte.
  return digits.length % 4 !== 1 && alphabet.test(digits);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
