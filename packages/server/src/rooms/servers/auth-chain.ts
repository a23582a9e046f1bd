import type { EventId, ServerName } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import { ByteCache, stringBytes, type CacheBudget } from '../../platform/cache/index.ts';
import { Places } from '../../platform/places.ts';
import { Turns } from '../../platform/turns.ts';
import { referencesOf } from '../events/event-codec.ts';
import type { EventStore } from '../events/event-store.ts';

/** Events looked at between two breaths: others are served while a long chain is walked. */
const batchSize = 500;
/** In the room of 50,000 members a walk reads as many events: with two at a time, everything else still gets most of its turns. */
const walksAtOnce = 2;
/** Some chains of the largest rooms, or many of usual ones: whoever asks for one asks again, and others ask for the same. */
const cacheBytes = 4 * 1024 * 1024;
const nidBytes = 8;

type ChainEvents = Pick<EventStore, 'byNids' | 'nidsOf'>;

/** Whose auth chain is wanted. */
export interface ChainQuestion {
  /** Who asks: each server has one chain walked at a time. */
  readonly server: ServerName;
  readonly rules: RoomVersionRules;
  /** Our integers of the events. */
  readonly events: readonly number[];
  /** What these events are called, where the same are asked for again: under a name there are always the same. */
  readonly name?: string;
}

/**
 * What events were authorised by, what that was authorised by, and so on. As long as a room is large, walked for whoever is in the room:
 * so a chain that was walked is kept for a while, who asks for the same waits for the same walk, and no server has several at once.
 * https://spec.matrix.org/v1.19/server-server-api/#auth-chain
 */
export class AuthChains {
  readonly #events: ChainEvents;
  readonly #cache: ByteCache<string, readonly number[]>;
  readonly #underWay = new Map<string, Promise<readonly number[]>>();
  readonly #turns = new Turns<ServerName>();
  readonly #places = new Places(walksAtOnce);

  constructor({ events, caches }: { readonly events: ChainEvents; readonly caches: CacheBudget }) {
    this.#events = events;
    this.#cache = new ByteCache({
      budget: caches,
      limitBytes: cacheBytes,
      cost: (chain, name) => chain.length * nidBytes + stringBytes(name),
    });
  }

  /**
   * Our integers of the events of the chain, each once, in no particular order. One of the given events is in it only where another needs
   * it. Events that this server does not have are left out.
   */
  of(question: ChainQuestion): Promise<readonly number[]> {
    const { name, server } = question;
    const inTurn = () => this.#turns.take(server, () => this.#places.run(() => this.#walk(question)));
    if (name === undefined) return inTurn();
    const known = this.#cache.get(name) ?? this.#underWay.get(name);
    if (known) return Promise.resolve(known);
    const walk = inTurn().finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, walk);
    return walk;
  }

  async #walk({ name, rules, events }: ChainQuestion): Promise<readonly number[]> {
    const { chain, isWhole } = await walkAuthChain(this.#events, rules, events);
    // What is missing may come.
    if (isWhole && name !== undefined) this.#cache.set(name, chain);
    return chain;
  }
}

async function walkAuthChain(
  events: ChainEvents,
  rules: RoomVersionRules,
  eventNids: readonly number[],
): Promise<{ chain: readonly number[]; isWhole: boolean }> {
  const chain = new Set<number>();
  const walked = new Set(eventNids);
  const waiting = [...walked];
  let isWhole = true;
  while (waiting.length > 0) {
    const batch = await events.byNids(waiting.splice(-batchSize));
    const byId = new Set<EventId>();
    const found = (nid: number): void => {
      chain.add(nid);
      if (walked.has(nid)) return;
      walked.add(nid);
      waiting.push(nid);
    };
    for (const { envelope } of batch.values()) {
      for (const reference of referencesOf(envelope, rules).auth) {
        if (typeof reference === 'number') found(reference);
        else byId.add(reference);
      }
    }
    if (byId.size === 0) continue;
    const known = await events.nidsOf([...byId]);
    if (known.size < byId.size) isWhole = false;
    for (const nid of known.values()) found(nid);
  }
  return { chain: [...chain], isWhole };
}
