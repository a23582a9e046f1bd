import type { SecureVersion } from 'node:tls';

import { compileGlob } from '@myelin/protocol/globs';
import type { KeyId, ServerName } from '@myelin/protocol/identifiers';

import type { Config } from '../config/index.ts';
import type { BackoffSettings } from './health/index.ts';
import type { TrustedKeyServer } from './keys/index.ts';
import type { RequestSettings } from './requests/index.ts';

/** The options of homeserver.yaml that say how this server deals with others. */
export type RemoteServersConfig = Pick<
  Config,
  | 'old_signing_keys'
  | 'key_refresh_interval'
  | 'trusted_key_servers'
  | 'ip_range_blacklist'
  | 'ip_range_whitelist'
  | 'federation_ip_range_blacklist'
  | 'federation_domain_denylist'
  | 'federation_domain_whitelist'
  | 'federation_verify_certificates'
  | 'federation_certificate_verification_whitelist'
  | 'federation_custom_ca_list'
  | 'federation_client_minimum_tls_version'
  | 'federation'
  | 'http_proxy'
  | 'https_proxy'
  | 'no_proxy_hosts'
  | 'rc_key_queries'
  | 'user_agent_suffix'
>;

export function requestSettings({ federation }: RemoteServersConfig): RequestSettings {
  return {
    timeout: federation.client_timeout,
    maxShortRetries: federation.max_short_retries,
    maxShortRetryDelay: federation.max_short_retry_delay,
    maxLongRetries: federation.max_long_retries,
    maxLongRetryDelay: federation.max_long_retry_delay,
  };
}

export function backoffSettings({ federation }: RemoteServersConfig): BackoffSettings {
  return {
    minRetryInterval: federation.destination_min_retry_interval,
    retryMultiplier: federation.destination_retry_multiplier,
    maxRetryInterval: federation.destination_max_retry_interval,
  };
}

export function trustedKeyServers({ trusted_key_servers }: RemoteServersConfig): TrustedKeyServer[] {
  return trusted_key_servers.map(({ server_name, verify_keys, accept_keys_insecurely }) => ({
    server: server_name,
    verifyKeys:
      verify_keys === null
        ? undefined
        : Object.entries(verify_keys).map(([keyId, publicKey]) => ({ keyId: keyId as KeyId, publicKey })),
    acceptInsecurely: accept_keys_insecurely,
  }));
}

/**
 * Whether this server has to do with another: `federation_domain_whitelist` and `federation_domain_denylist`. Who is denied can come
 * back neither in other letters, which lead to the same host, nor on another port.
 */
export function federatesWith(
  config: Pick<RemoteServersConfig, 'federation_domain_denylist' | 'federation_domain_whitelist'>,
): (server: ServerName) => boolean {
  const { federation_domain_whitelist: whitelist } = config;
  const allowed = whitelist === null ? undefined : new Set<string>(whitelist);
  const denied = config.federation_domain_denylist.map((pattern) => compileGlob(pattern, { ignoreCase: true }));
  const isDenied = (name: string): boolean => denied.some((glob) => glob.matches(name));
  return (server) =>
    (allowed === undefined || allowed.has(server)) && !isDenied(server) && !isDenied(server.replace(/:\d+$/, ''));
}

/** Whether a host must prove its name: not where nobody must, nor where a pattern excepts it. */
export function verifiesCertificateOf(config: RemoteServersConfig): (host: string) => boolean {
  if (!config.federation_verify_certificates) return () => false;
  const excepted = config.federation_certificate_verification_whitelist.map((pattern) => compileGlob(pattern));
  return (host) => !excepted.some((glob) => glob.matches(host));
}

/** Ranges of addresses that requests to other servers must not go to, and exceptions from them. */
export function federationRanges(config: RemoteServersConfig): {
  readonly blocked: readonly string[];
  readonly allowed: readonly string[];
} {
  const { federation_ip_range_blacklist: own, ip_range_blacklist, ip_range_whitelist } = config;
  // The option of old knows no exceptions.
  return own === null ? { blocked: ip_range_blacklist, allowed: ip_range_whitelist } : { blocked: own, allowed: [] };
}

/** Below 1.2, TLS is broken; an old configuration that still allows it means "as compatible as may be". */
export function minimumTlsVersion({ federation_client_minimum_tls_version }: RemoteServersConfig): SecureVersion {
  return federation_client_minimum_tls_version === '1.3' ? 'TLSv1.3' : 'TLSv1.2';
}
