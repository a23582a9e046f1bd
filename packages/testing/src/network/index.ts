export { createCertificateAuthority, type Certificate, type CertificateAuthority } from './certificate-authority.ts';
export { FakeServer, type FakeServerPlace } from './fake-server.ts';
export { startForwardProxy, type ForwardProxy } from './forward-proxy.ts';
export { TestResolver } from './test-resolver.ts';
export { type SiteRequest, startTlsSite, type TlsSite } from './tls-site.ts';
