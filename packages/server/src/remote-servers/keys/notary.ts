import type { ServerName } from '@myelin/protocol/identifiers';
import { signJson, type SigningKey } from '@myelin/protocol/signatures';

import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import type { Limiter } from '../../platform/rate-limits/index.ts';
import type { WantedKeys } from './fetch-keys.ts';
import type { KeyRing } from './key-ring.ts';
import type { OwnKeys, PublishedObject } from './own-keys.ts';
import { type KeptAnswer, readAnswers } from './server-keys.store.ts';

export interface NotaryNeeds {
  readonly database: Database;
  readonly clock: Clock;
  readonly ownKeys: OwnKeys;
  readonly ring: Pick<KeyRing, 'refresh'>;
  /** What others' answers are signed with: `key_server_signing_keys_path`, or the server's own key. */
  readonly signingKeys: readonly SigningKey[];
  /** How many servers we ask for whom; by the address of who wants to know. */
  readonly limiter: Pick<Limiter, 'limit'>;
}

/** Tells others the keys of servers that it knows or can reach, and vouches for them. */
export interface Notary {
  /**
   * Of each server its answers, with our signatures; nothing of servers that are unknown and do not answer. Throws M_LIMIT_EXCEEDED
   * where that address has had its share of the servers that we ask for others; what is known costs nothing.
   * @param minimumValidUntil for servers of which no key is named; now by default
   */
  query(wanted: ReadonlyMap<ServerName, WantedKeys>, forAddress: string, minimumValidUntil?: number): Promise<PublishedObject[]>;
}

/** What one request may make us do. */
const MAX_SERVERS = 250;
const REFRESHED_AT_ONCE = 10;
/** What all requests together may have under way: beyond it they are answered from what is known. */
const REFRESHED_BY_ALL_AT_ONCE = 100;
/** After this the answer is made of what there is: nobody waits longer for us than for the server itself. */
const DEADLINE_MS = 10_000;

/** https://spec.matrix.org/v1.19/server-server-api/#querying-keys-through-another-server */
export function createNotary({ database, clock, ownKeys, ring, signingKeys, limiter }: NotaryNeeds): Notary {
  let refreshing = 0;
  const isFresh = (answers: readonly KeptAnswer[], wanted: WantedKeys, minimumValidUntil: number): boolean => {
    const now = clock.now();
    const latest = Math.max(...answers.map(({ validUntil }) => validUntil));
    // "Notary servers should cache a response for half of its lifetime"
    const hasHalf = answers.some(
      ({ addedTs, validUntil }) => validUntil === latest && now - addedTs < (validUntil - addedTs) / 2,
    );
    return (
      hasHalf &&
      latest >= minimumValidUntil &&
      [...wanted].every(([keyId, minimum]) => answers.some((each) => each.keyId === keyId && each.validUntil >= minimum))
    );
  };
  const answersOf = async (
    server: ServerName,
    wanted: WantedKeys,
    {
      forAddress,
      minimum,
      deadline,
    }: { readonly forAddress: string; readonly minimum: number; readonly deadline: Promise<void> },
  ): Promise<PublishedObject[]> => {
    if (server === ownKeys.serverName) return [ownKeys.published()];
    let answers = await readAnswers(database, server);
    const wantsRefresh = answers.length === 0 || !isFresh(answers, wanted, minimum);
    if (wantsRefresh && refreshing < REFRESHED_BY_ALL_AT_ONCE) {
      limiter.limit(forAddress);
      refreshing++;
      await Promise.race([ring.refresh(server).finally(() => refreshing--), deadline]);
      answers = await readAnswers(database, server);
    }
    // Keys that stand in one answer need it once; those that went out of use may stand in older ones.
    const asked = wanted.size === 0 ? answers : answers.filter(({ keyId }) => wanted.has(keyId));
    const texts = new Set((asked.length > 0 ? asked : answers).map(({ answer }) => answer));
    return [...texts].map((text) => vouchFor(JSON.parse(text) as PublishedObject));
  };
  const vouchFor = (object: PublishedObject): PublishedObject =>
    signingKeys.reduce((signed, key) => signJson(signed, ownKeys.serverName, key), object);

  return {
    async query(wanted, forAddress, minimum = clock.now()) {
      const entries = [...wanted].slice(0, MAX_SERVERS);
      const over = new AbortController();
      const deadline = clock.sleep(DEADLINE_MS, over.signal);
      const found: PublishedObject[][] = [];
      let next = 0;
      const lane = async (): Promise<void> => {
        for (let at = next++; at < entries.length; at = next++) {
          const entry = entries[at];
          if (entry) found[at] = await answersOf(entry[0], entry[1], { forAddress, minimum, deadline });
        }
      };
      try {
        await Promise.all(Array.from({ length: Math.min(REFRESHED_AT_ONCE, entries.length) }, lane));
      } finally {
        next = entries.length;
        over.abort();
      }
      return found.flat();
    },
  };
}
