import type { ByteReader, ByteWriter } from '../../platform/binary/index.ts';

/** Bytes of an Ed25519 signature. */
const signatureBytes = 64;
const usualAlgorithm = 'ed25519:';
const speltServer = 1;
const speltKey = 2;

/**
 * Writes an event's `signatures` with the signatures as raw bytes; `senderServer` and the usual algorithm are left out.
 * Returns false, having written nothing, where that would lose anything: other lengths, other base64, names that are not text.
 */
export function writeSignatures(writer: ByteWriter, value: unknown, senderServer: string): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const start = writer.length;
  const servers = Object.entries(value);
  writer.varint(servers.length);
  for (const [server, keys] of servers as [string, unknown][]) {
    if (writeServer(writer, server, keys, senderServer)) continue;
    writer.reset(start);
    return false;
  }
  return true;
}

function writeServer(writer: ByteWriter, server: string, value: unknown, senderServer: string): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !isOrdinaryKey(server)) return false;
  const keys = Object.entries(value) as [string, unknown][];
  const isSpelt = server !== senderServer;
  writer.varint(keys.length * 2 + (isSpelt ? speltServer : 0));
  if (isSpelt) writer.text(server);
  return keys.every(([key, signature]) => writeSignature(writer, key, signature));
}

function writeSignature(writer: ByteWriter, key: string, signature: unknown): boolean {
  if (typeof signature !== 'string' || !isOrdinaryKey(key)) return false;
  const isUsual = key.startsWith(usualAlgorithm);
  writer.byte(isUsual ? 0 : speltKey);
  writer.text(isUsual ? key.slice(usualAlgorithm.length) : key);
  return writer.base64(signature, signatureBytes, 'base64');
}

/** `__proto__` cannot be set like any other key, and a lone surrogate has no UTF-8. */
function isOrdinaryKey(key: string): boolean {
  return key !== '__proto__' && key.isWellFormed();
}

/** Reads what `writeSignatures` wrote. */
export function readSignatures(reader: ByteReader, senderServer: string): Record<string, Record<string, string>> {
  const signatures: Record<string, Record<string, string>> = {};
  for (let servers = reader.varint(); servers > 0; servers--) {
    const head = reader.varint();
    const server = head % 2 === speltServer ? reader.text() : senderServer;
    const keys: Record<string, string> = {};
    for (let left = Math.floor(head / 2); left > 0; left--) {
      const algorithm = reader.byte() === speltKey ? '' : usualAlgorithm;
      keys[algorithm + reader.text()] = reader.base64(signatureBytes, 'base64');
    }
    signatures[server] = keys;
  }
  return signatures;
}
