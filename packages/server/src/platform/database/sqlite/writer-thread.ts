import { parentPort } from 'node:worker_threads';

import { failureOf } from './failure.ts';
import type { Answer, Request } from './protocol.ts';
import { WriterEngine } from './writer-engine.ts';

/** The writer thread: takes requests one at a time, so that fsync never stops the event loop of the server. */
const port = parentPort;
if (port === null) throw new Error('This file runs as a worker thread');

let engine: WriterEngine | undefined;

port.on('message', (request: Request) => {
  port.postMessage(handle(request));
  engine?.tidy();
});

function handle(request: Request): Answer {
  if (request.kind === 'open') {
    try {
      engine = new WriterEngine(request.settings);
      return { kind: 'done' };
    } catch (error) {
      return { kind: 'failed', failure: failureOf(error) };
    }
  }
  if (engine === undefined) return { kind: 'failed', failure: failureOf(new Error('The database is not open')) };
  const answer = engine.answer(request);
  if (request.kind === 'close') engine = undefined;
  return answer;
}
