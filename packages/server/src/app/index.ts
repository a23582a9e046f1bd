export { startServer } from './start-server.ts';
export type { StartedServer, StartOptions } from './start-server.ts';
export type { AppNeeds } from './needs.ts';
export { voidOneTimeKeysOf } from './void-one-time-keys.ts';
