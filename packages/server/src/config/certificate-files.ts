import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

import { ConfigError } from './config-error.ts';
import { orConfigError } from './read-files.ts';

/**
 * Reads the files of tls_certificate_path and tls_private_key_path, as PEM. Throws a `ConfigError` where they cannot be read, are none,
 * or do not belong together.
 */
export function readCertificate(files: { readonly chain: string; readonly key: string }): {
  readonly chain: string;
  readonly key: string;
} {
  const chain = orConfigError(`tls_certificate_path ${files.chain}`, () => readFileSync(files.chain, 'utf8'));
  const key = orConfigError(`tls_private_key_path ${files.key}`, () => readFileSync(files.key, 'utf8'));
  try {
    createSecureContext({ cert: chain, key });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`tls_certificate_path ${files.chain} and tls_private_key_path ${files.key}: ${reason}`, {
      cause: error,
    });
  }
  return { chain, key };
}
