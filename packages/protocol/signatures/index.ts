export { decodeBase64, decodeUrlSafeBase64, encodeBase64, encodeUrlSafeBase64 } from './base64.ts';
export {
  signJson,
  signText,
  signableText,
  signatureBy,
  signingKeyIds,
  verifyJson,
  verifyText,
  withSignature,
} from './sign-json.ts';
export type { Signatures } from './sign-json.ts';
export {
  SigningKeyError,
  decodeSigningKey,
  decodeSigningKeys,
  encodeSigningKey,
  generateSigningKey,
  publicKeyObject,
} from './signing-key.ts';
export type { SigningKey } from './signing-key.ts';
