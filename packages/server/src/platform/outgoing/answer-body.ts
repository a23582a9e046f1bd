import { type Readable, Transform, type TransformCallback, pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { OutgoingError, outgoingError } from './outgoing-error.ts';

/** The body of an answer, decompressed, failing with an `OutgoingError` beyond `maxBytes` of what is read from it. */
export function unpacked(
  body: Readable,
  {
    encoding,
    maxBytes,
    host,
  }: { readonly encoding: string | string[] | undefined; readonly maxBytes: number; readonly host: string },
): Readable {
  let size = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      size += chunk.length;
      if (size > maxBytes) done(new OutgoingError('too-large', `the answer of ${host} is larger than ${maxBytes} bytes`));
      else done(null, chunk);
    },
  });
  // The reader hears of it from the last of the chain.
  const ended = (): void => undefined;
  if (encoding === 'gzip' || encoding === 'x-gzip') pipeline(body, createGunzip(), bounded, ended);
  else pipeline(body, bounded, ended);
  return bounded;
}

/** All bytes of a body. Rejects with an `OutgoingError`. */
export async function readBytes(body: Readable, host: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')) {
      throw new OutgoingError('malformed', `the answer of ${host} cannot be decompressed`, error);
    }
    throw outgoingError(error, host);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}
