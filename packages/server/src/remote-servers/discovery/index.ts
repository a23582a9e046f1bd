export { createDiscovery, type Discovery, type DiscoveryNeeds, type Whereabouts } from './discovery.ts';
export { createWellKnown, type WellKnown } from './well-known.ts';
