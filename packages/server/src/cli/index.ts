export { run } from './run.ts';
export type { RunningServer } from './serve.ts';
