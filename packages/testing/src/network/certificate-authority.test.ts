import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { suite, test } from 'node:test';

import { createCertificateAuthority } from './certificate-authority.ts';

suite('a certificate authority for tests', () => {
  test('what it issues names its hosts and bears its signature', () => {
    const authority = createCertificateAuthority();
    const issued = new X509Certificate(authority.issue(['hive.test', '127.0.0.2', '::1']).certificate);
    assert.equal(issued.checkHost('hive.test'), 'hive.test');
    assert.equal(issued.checkHost('other.test'), undefined);
    assert.equal(issued.checkIP('127.0.0.2'), '127.0.0.2');
    assert.match(issued.subjectAltName ?? '', /IP Address:0:0:0:0:0:0:0:1/);
    assert.ok(issued.verify(new X509Certificate(authority.certificate).publicKey));
    assert.ok(!issued.verify(new X509Certificate(createCertificateAuthority().certificate).publicKey));
  });
});
