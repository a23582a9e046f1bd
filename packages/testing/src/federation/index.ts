export * from '../network/index.ts';
export { startFederation, type FederatedHomeservers } from './federated-homeservers.ts';
export { forEachFederation } from './for-each-federation.ts';
