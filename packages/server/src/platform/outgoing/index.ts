export { type AddressPolicy, createAddressPolicy } from './address-policy.ts';
export { createTrust, type TrustSettings } from './authorities.ts';
export type { OutgoingTarget } from './connector.ts';
export {
  createOutgoingClient,
  type OutgoingAnswer,
  type OutgoingClient,
  type OutgoingClientNeeds,
  type OutgoingCounts,
  type OutgoingRequest,
  type StreamedAnswer,
  type UrlAnswer,
  type UrlRequest,
} from './outgoing-client.ts';
export { chooseProxy, type ProxyChoice, type ProxySettings } from './forward-proxy/index.ts';
export { OutgoingError, type OutgoingFailure } from './outgoing-error.ts';
export { createSystemResolver, type HostAddress, type Resolver, type SrvRecord } from './resolver.ts';
