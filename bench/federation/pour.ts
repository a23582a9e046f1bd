import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';

import { Pool } from 'undici';

import { areTaken, type SignedTransaction } from './setting.ts';

/** What is to be poured onto which server, and how many transactions at once, whatever the server answers. */
export interface PourPlan {
  readonly baseUrl: string;
  readonly transactions: readonly SignedTransaction[];
  readonly atOnce: number;
  readonly impatienceMs: number;
}

/** What came of one pouring. */
export interface Poured {
  /** How often the server said that it is too much. */
  readonly refused: number;
  readonly lastedMs: number;
}

/** Sends transactions from a thread of its own, so that those who measure others' times do not wait for it. */
export class Pourer {
  readonly #worker: Worker;

  constructor(plan: PourPlan) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: plan });
  }

  /** Pours so many more of the transactions; resolves when the server has taken them. */
  async pour(count: number): Promise<Poured> {
    const answer = once(this.#worker, 'message');
    this.#worker.postMessage(count);
    const [poured] = (await answer) as [Poured];
    return poured;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

const port = parentPort;
if (port) {
  const { baseUrl, transactions, atOnce, impatienceMs } = workerData as PourPlan;
  const pool = new Pool(baseUrl, { connections: atOnce });
  let poured = 0;

  /** False where the server says that it is too much. */
  const isTaken = async ({ uri, authorization, body, eventIds }: SignedTransaction): Promise<boolean> => {
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await pool.request({ method: 'PUT', path: uri, headers, body });
    const text = await answer.body.text();
    if (answer.statusCode === 429) return false;
    if (answer.statusCode !== 200 || !areTaken(eventIds, JSON.parse(text)))
      throw new Error(`a transaction was not taken: ${answer.statusCode} ${text.slice(0, 500)}`);
    return true;
  };

  const pour = async (count: number): Promise<Poured> => {
    const start = performance.now();
    const left = transactions.slice(poured, (poured += count)).values();
    let refused = 0;
    const lane = async (): Promise<void> => {
      for (const transaction of left)
        while (!(await isTaken(transaction))) {
          refused += 1;
          // It does not wait as long as it is told to.
          await new Promise((resolve) => setTimeout(resolve, impatienceMs));
        }
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return { refused, lastedMs: performance.now() - start };
  };

  port.on('message', (count: number) => void pour(count).then((result) => port.postMessage(result)));
}
