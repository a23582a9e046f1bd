export { type MyelinAndSynapse, startMyelinBesideSynapse } from './beside-synapse.ts';
export { installedSynapse, installSynapse, synapseVersion } from './installed-synapse.ts';
export { SynapseServer } from './synapse-server.ts';
