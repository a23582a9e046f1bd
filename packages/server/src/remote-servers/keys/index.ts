export { createKeySources, type TrustedKeyServer } from './fetch-keys.ts';
export { createKeyRing, type KeyRing, type SignatureCheck, type SignatureVerdict } from './key-ring.ts';
export { keyRoutes } from './keys.routes.ts';
export { createNotary } from './notary.ts';
export { createOwnKeys, type OwnKeys, type PublishedObject } from './own-keys.ts';
export type { ServerKey } from './server-keys.ts';
export { jsonSignatureCheck, pduSignatureCheck } from './signature-checks.ts';
export { type SignatureToVerify, verifySignatures } from './verify-signatures.ts';
