export * from './databases/index.ts';
