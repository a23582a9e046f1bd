import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { orConfigError } from './read-files.ts';
import type { Reading } from './schema/index.ts';

/** The secrets that may stand in a file of their own. */
const secretNames = ['registration_shared_secret', 'macaroon_secret_key', 'form_secret'] as const;

type SecretName = (typeof secretNames)[number];
type Written = Readonly<Record<SecretName | `${SecretName}_path`, string | null>>;

/**
 * Reads the secrets whose `*_path` is set, without the white space around them. The option itself may not be set as well. The file of
 * registration_shared_secret is made, with a secret of `newSecret`, when it is not there, as Synapse does.
 */
export function readSecrets(written: Written, reading: Reading, newSecret: () => string): Record<SecretName, string | null> {
  const secrets: Record<SecretName, string | null> = {
    registration_shared_secret: null,
    macaroon_secret_key: null,
    form_secret: null,
  };
  for (const name of secretNames) {
    const path = written[`${name}_path`];
    secrets[name] = written[name];
    if (path === null) continue;
    if (written[name] !== null) {
      reading.problem([`${name}_path`], `and ${name} are both set; leave one of them out`);
      continue;
    }
    if (name === 'registration_shared_secret' && !existsSync(path)) {
      orConfigError(path, () => writeFileSync(path, `${newSecret()}\n`, { mode: 0o600, flag: 'wx' }));
    }
    secrets[name] = orConfigError(path, () => readFileSync(path, 'utf8')).trim();
    if (secrets[name] === '') reading.problem([`${name}_path`], `must name a file with a secret, but ${path} is empty`);
  }
  return secrets;
}
