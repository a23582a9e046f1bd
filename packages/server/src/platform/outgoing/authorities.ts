import { readFileSync } from 'node:fs';
import { type SecureContext, type SecureVersion, createSecureContext, getCACertificates } from 'node:tls';

export interface TrustSettings {
  /** Files with certificates of authorities as PEM, in place of the system's; empty: the system's. */
  readonly authorityFiles: readonly string[];
  readonly minimumTlsVersion: SecureVersion;
}

/** Whom to believe about certificates. Throws where a file cannot be read or holds no certificate. */
export function createTrust({ authorityFiles, minimumTlsVersion }: TrustSettings): SecureContext {
  return createSecureContext({ ca: authoritiesOf(authorityFiles), minVersion: minimumTlsVersion });
}

function authoritiesOf(files: readonly string[]): string[] {
  if (files.length > 0) return files.map((path) => readFileSync(path, 'utf8'));
  const system = getCACertificates('system');
  // A container without certificates of its own still has those that Node brings along.
  return system.length > 0 ? system : getCACertificates('bundled');
}
