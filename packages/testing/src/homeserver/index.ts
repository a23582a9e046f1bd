export { createContractCheck, type ContractCheck } from './contract-check.ts';
export { forEachHomeserver, type HomeserverSuite, type HomeserverTest } from './for-each-homeserver.ts';
export { HttpClient, type HttpAnswer, type HttpOptions } from './http-client.ts';
export { longTimelines, Person } from './person.ts';
export { TestHomeserver, type TestHomeserverOptions } from './test-homeserver.ts';
export { freePort, ServerProcess } from './server-process.ts';
export { sharedSecret, writeConfiguration } from './write-configuration.ts';
