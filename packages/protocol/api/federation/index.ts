/*
 * The server-server endpoints, one file a topic of the specification: `import * as federation from '@myelin/protocol/api/federation'`.
 */
export * from './backfill.ts';
export * from './event-auth.ts';
export * from './events.ts';
export * from './extremities.ts';
export * from './invites.ts';
export * from './joins.ts';
export * from './keys.ts';
export * from './knocks.ts';
export * from './leaving.ts';
export * from './openid.ts';
export * from './public-rooms.ts';
export * from './query.ts';
export * from './room-complexity.ts';
export * from './room-policy.ts';
export * from './space-hierarchy.ts';
export * from './third-party-invites.ts';
export * from './transactions.ts';
export * from './user-devices.ts';
export * from './user-keys.ts';
export * from './version.ts';
