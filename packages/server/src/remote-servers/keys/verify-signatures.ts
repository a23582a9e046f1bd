import { Buffer } from 'node:buffer';
import { verify } from 'node:crypto';

import { decodeBase64, publicKeyObject, verifyText } from '@myelin/protocol/signatures';

/** One ed25519 signature to be held against one key, both in base64. */
export interface SignatureToVerify {
  readonly text: string;
  readonly signature: string;
  readonly publicKey: string;
}

/**
 * Fewer than these are verified at once, on the spot. Measured on two cores: a signature costs the main thread 60 µs when it verifies
 * itself and 7 µs when Node's thread pool does, which then answers a turn of the event loop later. A pool of worker threads of our own
 * came out no cheaper (2 to 17 µs, by the size of the batches).
 */
const ON_THE_SPOT = 4;
/**
 * In the hands of the thread pool at once: enough to keep it at work while the main thread is at something else for some 15 ms, as it is when
 * it reads a large room. What else the pool does (files, for one) waits behind them for as long.
 */
const AT_ONCE = 512;

/** Whether each signature is right, in order; false also for a key or signature that is none. */
export async function verifySignatures(all: readonly SignatureToVerify[]): Promise<boolean[]> {
  if (all.length < ON_THE_SPOT) return all.map(({ text, signature, publicKey }) => verifyText(text, signature, publicKey));
  const verdicts = Array.from({ length: all.length }, () => false);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < all.length; index = next++) {
      const each = all[index];
      if (each) verdicts[index] = await verifyOffThread(each);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, all.length) }, lane));
  return verdicts;
}

function verifyOffThread({ text, signature, publicKey }: SignatureToVerify): Promise<boolean> {
  const key = publicKeyObject(publicKey);
  const bytes = decodeBase64(signature);
  if (!key || bytes?.length !== 64) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    verify(null, Buffer.from(text), key, bytes, (error, right) => (error ? reject(error) : resolve(right)));
  });
}
