import { Readable } from 'node:stream';

import { type Answer, answer, type RawJson, rawJson } from '../../../platform/http/index.ts';
import type { JsonPieces } from './query-keys.ts';
import { usersPerPage } from './wanted.ts';

/** JSON about so many users: in one piece where they are few, so that a failure has its status; otherwise each piece as the reader takes it. */
export async function answerInPieces(json: JsonPieces, users: number): Promise<Answer | RawJson> {
  if (users <= usersPerPage) return rawJson(await Array.fromAsync(json));
  return answer({ headers: { 'content-type': 'application/json' }, body: Readable.from(json, { objectMode: false }) });
}
