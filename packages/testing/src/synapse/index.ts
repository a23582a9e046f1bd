export { type MyelinAndSynapse, startMyelinBesideSynapse, startProcessBesideSynapse } from './beside-synapse.ts';
export { installedSynapse, installSynapse, synapseVersion } from './installed-synapse.ts';
export { SynapseServer } from './synapse-server.ts';
