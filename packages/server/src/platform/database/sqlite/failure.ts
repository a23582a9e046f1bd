import { OTHER_FAILURE, type Failure } from './protocol.ts';

/** What can be said about an error of node:sqlite to another thread. */
export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return { code: typeof code === 'number' ? code : OTHER_FAILURE, message };
}
