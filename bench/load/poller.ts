import type { HttpLoad, Request } from './http-load.ts';
import type { Person } from './person.ts';

const nextBatch = Buffer.from('"next_batch":');
const stampStart = '~sent@';

/** A message's text that tells when it left, for whoever gets it. */
export function stampedText(): string {
  return `${stampStart}${performance.now().toFixed(3)}~ an ordinary message of an ordinary length`;
}

/** Somebody whose client is open: a long poll that is begun again whenever it ends. */
export interface Poller {
  stop(): Promise<void>;
}

/**
 * Opens a client: resolves when its first sync is answered and the long poll is about to be sent. `onMessage` is called for each stamped
 * message that comes, with the milliseconds since it left. Failed polls go to `onFailure`, and polling ends.
 */
export async function openPoller(
  http: HttpLoad,
  person: Person,
  on: { message(latencyMs: number): void; failure(error: unknown): void },
): Promise<Poller> {
  const connection = http.openPoll();
  const state = { stopped: false };
  const poll = async (path: string): Promise<Buffer> => {
    const request: Request = { method: 'GET', path: `/_matrix/client/v3/sync?set_presence=offline${path}`, token: person.token };
    const { status, body } = await connection.ask(request);
    if (status !== 200) throw new Error(`sync: ${status} ${body.toString('utf8', 0, 300)}`);
    return body;
  };
  const run = async (first: string): Promise<void> => {
    for (let since = first; !state.stopped;) {
      const body = await poll(`&timeout=30000&since=${encodeURIComponent(since)}`);
      const now = performance.now();
      since = tokenIn(body);
      for (const sent of stampsIn(body)) on.message(now - sent);
    }
  };
  const since = tokenIn(await poll('&timeout=0'));
  run(since).catch((error: unknown) => state.stopped || on.failure(error));
  return {
    stop: () => {
      state.stopped = true;
      return connection.close();
    },
  };
}

/** `next_batch` of a sync's answer, without reading all of it as JSON. */
export function tokenIn(body: Buffer): string {
  // It stands at the answer's start or end; text that imitates it inside of an event has its quotes escaped.
  const from = body.indexOf('"', body.indexOf(nextBatch) + nextBatch.length) + 1;
  return body.toString('latin1', from, body.indexOf('"', from));
}

function stampsIn(body: Buffer): number[] {
  const text = body.toString('latin1');
  const stamps: number[] = [];
  for (let at = text.indexOf(stampStart); at !== -1; at = text.indexOf(stampStart, at + 1)) {
    stamps.push(Number(text.slice(at + stampStart.length, text.indexOf('~', at + 1))));
  }
  return stamps;
}
