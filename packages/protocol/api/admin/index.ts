/*
 * Synapse's admin API, one file a chapter of its manual: `import * as admin from '@myelin/protocol/api/admin'`.
 */
export * from './registration.ts';
export * from './registration-tokens.ts';
export * from './users.ts';
