import { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

import { bits, der, explicit, implicit, integer, octets, oid, sequence, set, time, utf8, yes } from './der.ts';

/** A certificate and its key as PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** In milliseconds since 1970; by default from yesterday until in a month. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

/** An authority of a test's own; what it signs is believed by whoever is given its certificate. */
export interface CertificateAuthority {
  /** As PEM. */
  readonly certificate: string;
  /** A certificate for these host names and IP addresses. */
  issue(hosts: readonly string[], options?: CertificateOptions): Certificate;
}

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const DAY_MS = 86_400_000;

/** Makes an authority, new each time. No files, no programs, a few milliseconds. */
export function createCertificateAuthority(name = 'an authority for tests'): CertificateAuthority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = nameOf(name);
  const usage = extension('2.5.29.15', der(0x03, Buffer.from([1, 0b0000_0110])), true);
  const certificate = build({
    subject: issuer,
    issuer,
    key: authority.publicKey,
    signer: authority.privateKey,
    extensions: [extension('2.5.29.19', sequence(yes), true), usage],
    options: {},
  });
  return {
    certificate,
    issue(hosts, options = {}) {
      const server = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const names = sequence(
        ...hosts.map((host) => (isIP(host) === 0 ? implicit(2, Buffer.from(host)) : implicit(7, ipBytes(host)))),
      );
      return {
        certificate: build({
          subject: nameOf(hosts[0] ?? 'nobody'),
          issuer,
          key: server.publicKey,
          signer: authority.privateKey,
          extensions: [extension('2.5.29.17', names), extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')))],
          options,
        }),
        key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      };
    },
  };
}

interface Parts {
  readonly subject: Buffer;
  readonly issuer: Buffer;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly options: CertificateOptions;
}

/** https://www.rfc-editor.org/rfc/rfc5280#section-4.1 */
function build({ subject, issuer, key, signer, extensions, options }: Parts): string {
  const { notBefore = Date.now() - DAY_MS, notAfter = Date.now() + 30 * DAY_MS } = options;
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    key.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensions)),
  );
  const whole = sequence(toBeSigned, ECDSA_WITH_SHA256, bits(sign('sha256', toBeSigned, signer)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(commonName))));
}

function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return critical ? sequence(oid(id), yes, octets(value)) : sequence(oid(id), octets(value));
}

function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [before = '', after = ''] = address.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [head, tail] = [groups(before), groups(after)];
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
}
