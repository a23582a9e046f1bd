import { untouchedPushRules, type UserPushRules } from '@myelin/protocol/push-rules';

import { ByteCache, type CacheBudget } from '../../../platform/cache/index.ts';
import type { Database } from '../../../platform/database/index.ts';
import { RecentChanges, Stream, StreamSequence, type Notifier } from '../../../platform/streams/index.ts';
import { lastRulesPosition, putRules, rulesOf, rulesOfMany, rulesPosition } from './push-rules.store.ts';

export interface PushRulesNeeds {
  readonly database: Database;
  readonly notifier: Notifier;
  readonly caches: CacheBudget;
}

/** Each user's push rules, from memory where they were asked for before. Values are never changed in place. */
export class PushRules {
  readonly stream: Stream;
  /** Whose rules changed lately, by position of the stream. */
  readonly recent: RecentChanges;
  readonly #database: Database;
  readonly #cache: ByteCache<number, UserPushRules>;
  readonly #listeners: ((userNid: number) => void)[] = [];
  /** Changes of one user's rules wait for each other. */
  readonly #changing = new Map<number, Promise<unknown>>();

  constructor(needs: PushRulesNeeds, lastPosition: number) {
    this.#database = needs.database;
    this.#cache = new ByteCache({ budget: needs.caches, cost: costOf });
    this.stream = new Stream('push_rules', new StreamSequence(lastPosition), needs.notifier);
    this.recent = new RecentChanges(lastPosition);
  }

  /** Is told of each change, once it is committed. */
  onChange(listener: (userNid: number) => void): void {
    this.#listeners.push(listener);
  }

  /** The user's rules; `untouchedPushRules` where nothing was ever changed. */
  async of(userNid: number): Promise<UserPushRules> {
    return this.#cache.get(userNid) ?? this.#load(userNid);
  }

  /** The rules of many users; one query for those that are not in memory. */
  async ofMany(userNids: Iterable<number>): Promise<Map<number, UserPushRules>> {
    const found = new Map<number, UserPushRules>();
    const missing: number[] = [];
    for (const userNid of userNids) {
      const known = this.#cache.get(userNid);
      if (known) found.set(userNid, known);
      else missing.push(userNid);
    }
    if (missing.length === 0) return found;
    const before = this.stream.now;
    const read = await rulesOfMany(this.#database, missing);
    for (const userNid of missing) found.set(userNid, this.#remember(userNid, read.get(userNid) ?? untouchedPushRules, before));
    return found;
  }

  /** Where the user's last change stands in the stream; 0 where nothing was ever changed. */
  lastChange(userNid: number): Promise<number> {
    return rulesPosition(this.#database, userNid);
  }

  /** Changes a user's rules; resolves when that is durable. What `change` throws is thrown, and nothing is changed. */
  async change(userNid: number, change: (rules: UserPushRules) => UserPushRules): Promise<void> {
    const earlier = this.#changing.get(userNid) ?? Promise.resolve();
    const mine = earlier.then(() => this.#changeNow(userNid, change));
    const settled = mine.catch(() => undefined);
    this.#changing.set(userNid, settled);
    await mine.finally(() => {
      if (this.#changing.get(userNid) === settled) this.#changing.delete(userNid);
    });
  }

  async #changeNow(userNid: number, change: (rules: UserPushRules) => UserPushRules): Promise<void> {
    const rules = await this.of(userNid);
    const changed = change(rules);
    if (changed === rules) return;
    const slot = this.stream.allocate();
    try {
      await this.#database.write((tx) => {
        putRules(tx, { userNid, position: slot.position, rules: changed });
        tx.onCommit(() => {
          this.#cache.set(userNid, changed);
          this.recent.changed(userNid, slot.position);
          for (const listener of this.#listeners) listener(userNid);
        });
        slot.commitWith(tx, { users: [userNid] });
      });
    } catch (error) {
      slot.abandon();
      throw error;
    }
  }

  async #load(userNid: number): Promise<UserPushRules> {
    const before = this.stream.now;
    return this.#remember(userNid, (await rulesOf(this.#database, userNid)) ?? untouchedPushRules, before);
  }

  /** Keeps what was read, unless a change was committed while it was. */
  #remember(userNid: number, rules: UserPushRules, readAt: number): UserPushRules {
    const known = this.#cache.get(userNid);
    if (known) return known;
    if (!this.recent.mayHaveChanged(userNid, readAt)) this.#cache.set(userNid, rules);
    return rules;
  }
}

/** Opens the push rules over a database whose schema is up to date. */
export async function openPushRules(needs: PushRulesNeeds): Promise<PushRules> {
  return new PushRules(needs, await lastRulesPosition(needs.database));
}

function costOf(rules: UserPushRules): number {
  // The object of those who never touched theirs is shared.
  return rules === untouchedPushRules ? 0 : 4 * JSON.stringify(rules).length;
}
