export * from './databases/index.ts';
export * from './homeserver/index.ts';
