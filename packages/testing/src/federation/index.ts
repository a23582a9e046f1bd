export { createCertificateAuthority, type Certificate, type CertificateAuthority } from './certificate-authority.ts';
export { TestResolver } from './test-resolver.ts';
export { type SiteRequest, startTlsSite, type TlsSite } from './tls-site.ts';
