export * from './databases/index.ts';
export * from './homeserver/index.ts';
export { expectSyncToConverge, type Syncing } from './sync-convergence.ts';
export { SyncedClient, type SyncedRoom } from './synced-client.ts';
