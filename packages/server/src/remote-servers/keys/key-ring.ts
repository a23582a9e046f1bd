import { isServerKeyId, type KeyId, type ServerName } from '@myelin/protocol/identifiers';

import { ByteCache, type CacheBudget } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/database/index.ts';
import { ExpiringMap } from '../expiring-map.ts';
import type { KeySources, FetchedKeys } from './fetch-keys.ts';
import type { OwnKeys } from './own-keys.ts';
import { putPublishedKeys, readServerKeys } from './server-keys.store.ts';
import type { ServerKey } from './server-keys.ts';
import { verifySignatures } from './verify-signatures.ts';

/** "Is this text signed by that server?" */
export interface SignatureCheck {
  readonly server: ServerName;
  /** The server's signatures by key id, in base64. One that is right is enough. */
  readonly signatures: Readonly<Record<string, string>>;
  /** What is signed; asked for only where a key is at hand. */
  readonly text: string | (() => string);
  /**
   * The key must be valid until then, in milliseconds since 1970: now for requests; `origin_server_ts` for events of rooms whose version
   * has `enforceKeyValidity`; 0 for events of others, for which any key counts that the server has ever had.
   */
  readonly minimumValidUntil: number;
}

/** `unsigned`: no signature that we understand. `no-key`: none of its keys is known and valid. `forged`: it is not right. */
export type SignatureVerdict =
  | { readonly ok: true; readonly keyId: KeyId }
  | { readonly ok: false; readonly reason: 'unsigned' | 'no-key' | 'forged' };

export interface KeyRingNeeds {
  readonly database: Database;
  readonly caches: CacheBudget;
  readonly clock: Clock;
  readonly ownKeys: OwnKeys;
  readonly sources: KeySources;
}

export interface FetchOptions {
  /** The servers have just sent us something, so they are asked for their keys even if they did not answer lately. */
  readonly justHeardFrom?: boolean;
}

/** The keys of other servers. */
export interface KeyRing {
  /** Checks many signatures at once; the verdicts stand in the order of the checks. Missing keys are fetched, within bounds of time. */
  verifyAll(checks: readonly SignatureCheck[], options?: FetchOptions): Promise<SignatureVerdict[]>;
  verify(check: SignatureCheck, options?: FetchOptions): Promise<SignatureVerdict>;
  /** A server's keys that are in use and valid now; fetched from the server itself where none is. */
  currentKeysOf(server: ServerName): Promise<readonly ServerKey[]>;
  /** Asks the server itself, unless that was done a moment ago, and keeps what it says. */
  refresh(server: ServerName): Promise<void>;
  /**
   * Calls the listener with a server that has come by another signing key than those it was known by, before that key is kept. Should the
   * listener fail, the key is not kept, and comes again.
   */
  onOtherKey(listener: (server: ServerName) => Promise<void>): void;
}

/** A server is asked again no sooner than this after it was asked, whatever came of it. */
const ASK_AGAIN_AFTER_MS = 30_000;
/** So many servers are asked themselves first; for more, the key servers know most of them in one request. */
const FEW_SERVERS = 4;
const ORIGINS_AT_ONCE = 20;
const REMEMBERED = 50_000;
/** Strangers may claim to be any number of servers: beyond so many, the keys of further ones count as unknown for now. */
const MOST_UNDER_WAY = 5_000;

export function createKeyRing({ database, caches, clock, ownKeys, sources }: KeyRingNeeds): KeyRing {
  const cache = new ByteCache<ServerName, readonly ServerKey[]>({
    budget: caches,
    cost: (keys, server) => 2 * server.length + 250 * keys.length,
  });
  const asked = new ExpiringMap<true>(clock, REMEMBERED);
  const underWay = new Map<ServerName, Promise<void>>();
  const listeners: ((server: ServerName) => Promise<void>)[] = [];
  let kept = 0;

  const load = async (servers: Iterable<ServerName>): Promise<Map<ServerName, readonly ServerKey[]>> => {
    const found = new Map<ServerName, readonly ServerKey[]>();
    const missing: ServerName[] = [];
    for (const server of new Set(servers)) {
      const keys = server === ownKeys.serverName ? ownKeys.keys : cache.get(server);
      if (keys) found.set(server, keys);
      else missing.push(server);
    }
    if (missing.length === 0) return found;
    const before = kept;
    const stored = await readServerKeys(database, missing);
    for (const server of missing) {
      const keys = stored.get(server) ?? [];
      // What was kept while these rows were read may be newer than they are.
      if (kept === before) cache.set(server, keys);
      found.set(server, keys);
    }
    return found;
  };

  const keep = async (fetched: readonly FetchedKeys[]): Promise<void> => {
    if (fetched.length === 0) return;
    await tellOtherKeys(fetched);
    const now = clock.now();
    await database.write((tx) => {
      for (const keys of fetched) putPublishedKeys(tx, keys, { now, firstHand: keys.firstHand });
    });
    kept++;
    for (const { server } of fetched) cache.delete(server);
  };

  const tellOtherKeys = async (fetched: readonly FetchedKeys[]): Promise<void> => {
    if (listeners.length === 0) return;
    const known = await load(fetched.map(({ server }) => server));
    for (const { server, keys } of fetched) {
      const before = known.get(server) ?? [];
      const isOther = ({ publicKey, retired }: ServerKey): boolean =>
        !retired && !before.some((key) => key.publicKey === publicKey);
      if (before.length > 0 && keys.some(isOther)) for (const listener of listeners) await listener(server);
    }
  };

  const fetchFromOrigins = async (servers: readonly ServerName[], options: FetchOptions = {}): Promise<void> => {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let server = servers[next++]; server !== undefined; server = servers[next++]) {
        const keys = await sources.fromOrigin(server, options);
        if (keys) await keep([keys]);
      }
    };
    await Promise.all(Array.from({ length: Math.min(ORIGINS_AT_ONCE, servers.length) }, lane));
  };

  /** Fetches what is wanted; whoever is being asked already is waited for, whoever was asked just now is left alone. */
  const fetch = async (wanted: Wanted, options: FetchOptions): Promise<void> => {
    const waiting = [...wanted.keys()].flatMap((server) => underWay.get(server) ?? []);
    const room = Math.max(0, MOST_UNDER_WAY - underWay.size);
    const mine = new Map([...wanted].filter(([server]) => !underWay.has(server) && !asked.get(server)).slice(0, room));
    if (mine.size > 0) {
      const fetched = fetchMine(mine, options).finally(() => {
        for (const server of mine.keys()) {
          underWay.delete(server);
          asked.set(server, true, ASK_AGAIN_AFTER_MS);
        }
      });
      for (const server of mine.keys()) underWay.set(server, fetched);
      waiting.push(fetched);
    }
    await Promise.all(waiting);
  };
  const fetchMine = async (wanted: Wanted, options: FetchOptions): Promise<void> => {
    const steps = [
      async (left: Wanted) => fetchFromOrigins([...left.keys()], options),
      async (left: Wanted) => keep(await sources.fromKeyServers(left)),
    ];
    if (wanted.size > FEW_SERVERS) steps.reverse();
    let left = wanted;
    for (const step of steps) {
      if (left.size > 0) await step(left);
      left = await stillWanted(left);
    }
  };
  const stillWanted = async (wanted: Wanted): Promise<Wanted> => {
    const keys = await load(wanted.keys());
    return new Map(
      [...wanted].filter(([server, each]) => [...each].some(([keyId, minimum]) => !usable(keys.get(server), keyId, minimum))),
    );
  };

  const verifyAll = async (checks: readonly SignatureCheck[], options: FetchOptions = {}): Promise<SignatureVerdict[]> => {
    let keys = await load(checks.map(({ server }) => server));
    const wanted = wantedBy(checks, keys);
    if (wanted.size > 0) {
      await fetch(wanted, options);
      keys = await load(checks.map(({ server }) => server));
    }
    // Of several signatures each is tried: a server that has a new key may sign with both.
    const trials = checks.flatMap((check, index) =>
      keyIdsOf(check).flatMap((keyId) => {
        const key = usable(keys.get(check.server), keyId, check.minimumValidUntil);
        const signature = check.signatures[keyId];
        return key && signature !== undefined ? [{ index, keyId, signature, publicKey: key.publicKey, text: textOf(check) }] : [];
      }),
    );
    const right = await verifySignatures(trials);
    const verdicts = checks.map((check): SignatureVerdict => ({
      ok: false,
      reason: keyIdsOf(check).length === 0 ? 'unsigned' : 'no-key',
    }));
    for (const [at, { index, keyId }] of trials.entries()) {
      if (right[at]) verdicts[index] = { ok: true, keyId };
      else if (!verdicts[index]?.ok) verdicts[index] = { ok: false, reason: 'forged' };
    }
    return verdicts;
  };

  return {
    verifyAll,
    async verify(check, options) {
      const [verdict] = await verifyAll([check], options);
      return verdict ?? { ok: false, reason: 'no-key' };
    },
    async currentKeysOf(server) {
      const current = async (): Promise<readonly ServerKey[]> =>
        ((await load([server])).get(server) ?? []).filter((key) => !key.retired && key.validUntil >= clock.now());
      const known = await current();
      if (known.length > 0) return known;
      const keys = await sources.fromOrigin(server);
      if (keys) await keep([keys]);
      return current();
    },
    async refresh(server) {
      if (asked.get(server)) return;
      asked.set(server, true, ASK_AGAIN_AFTER_MS);
      await fetchFromOrigins([server]);
    },
    onOtherKey: (listener) => void listeners.push(listener),
  };
}

type Wanted = ReadonlyMap<ServerName, ReadonlyMap<KeyId, number>>;

/** A check with many signatures costs no more than one with a few: no server signs with so many keys. */
const MAX_SIGNATURES = 8;

function keyIdsOf({ signatures }: SignatureCheck): KeyId[] {
  return Object.keys(signatures).filter(isServerKeyId).slice(0, MAX_SIGNATURES);
}

function textOf({ text }: SignatureCheck): string {
  return typeof text === 'string' ? text : text();
}

function usable(keys: readonly ServerKey[] | undefined, keyId: KeyId, minimumValidUntil: number): ServerKey | undefined {
  return keys?.find((key) => key.keyId === keyId && key.validUntil >= minimumValidUntil);
}

/** What must be fetched for these checks: nothing for one that a key is at hand for, and no key that its server has put away. */
function wantedBy(checks: readonly SignatureCheck[], known: ReadonlyMap<ServerName, readonly ServerKey[]>): Wanted {
  const wanted = new Map<ServerName, Map<KeyId, number>>();
  for (const check of checks) {
    const keys = known.get(check.server) ?? [];
    const keyIds = keyIdsOf(check);
    if (keyIds.some((keyId) => usable(keys, keyId, check.minimumValidUntil))) continue;
    for (const keyId of keyIds) {
      if (keys.some((key) => key.keyId === keyId && key.retired)) continue;
      const ofServer = wanted.get(check.server) ?? new Map<KeyId, number>();
      ofServer.set(keyId, Math.max(ofServer.get(keyId) ?? 0, check.minimumValidUntil));
      wanted.set(check.server, ofServer);
    }
  }
  return wanted;
}
