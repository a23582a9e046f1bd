import { readFileSync } from 'node:fs';

import { decodeSigningKeys, SigningKeyError } from '@myelin/protocol/signatures';
import type { SigningKey } from '@myelin/protocol/signatures';

import { ConfigError } from './config-error.ts';
import { orConfigError } from './read-files.ts';

/** Reads the file of signing_key_path, or of another option that names such a file; the first key is the one to sign with. Throws a `ConfigError` when there is none. */
export function readSigningKeys(path: string, option = 'signing_key_path'): [SigningKey, ...SigningKey[]] {
  const text = orConfigError(`${option} ${path}`, () => readFileSync(path, 'utf8'));
  try {
    return decodeSigningKeys(text);
  } catch (error) {
    if (error instanceof SigningKeyError) throw new ConfigError(`${option} ${path}: ${error.message}`, { cause: error });
    throw error;
  }
}
