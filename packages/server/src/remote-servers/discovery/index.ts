export { createDiscovery, type Discovery, type DiscoveryNeeds, type Whereabouts } from './discovery.ts';
export { ExpiringMap } from './expiring-map.ts';
export { createWellKnown, type WellKnown } from './well-known.ts';
