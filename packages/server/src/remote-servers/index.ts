export type { DestinationHealth, Health } from './health/index.ts';
export {
  jsonSignatureCheck,
  type KeyRing,
  type OwnKeys,
  pduSignatureCheck,
  type SignatureCheck,
  type SignatureToVerify,
  type SignatureVerdict,
  verifySignatures,
} from './keys/index.ts';
export { limitUnknownServers, type UnknownServersNeeds } from './limit-unknown-servers.ts';
export { RemoteError, type RemoteFailure } from './remote-error.ts';
export { createRemoteServers, type RemoteServers, type RemoteServersNeeds } from './remote-servers.ts';
export {
  plainCall,
  remoteErrorOf,
  requestText,
  type CallInput,
  type PlainCall,
  type RequestOptions,
  type SignedRequest,
} from './requests/index.ts';
