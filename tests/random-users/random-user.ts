import assert from 'node:assert/strict';

import { SyncedClient, type Person, type Syncing } from '@myelin/testing';

import type { SeenEvent } from './room-model.ts';

/** A user who does random things and writes down what sync brings. */
export class RandomUser implements Syncing {
  readonly person: Person;
  /** By room: the events that sync brought, in its order, gaps filled by paging. */
  readonly brought = new Map<string, string[]>();
  /** Rooms that sync has shown as invitations: what happened before a new invitation, since the sync before it, is not told any more. */
  readonly invitedTo = new Set<string>();
  /** What a client would have made of all that sync brought. */
  readonly client = new SyncedClient();
  #lastSync: Promise<void> = Promise.resolve();
  /** Rooms of which sync has said that this user is outside. */
  readonly #outside = new Set<string>();
  readonly #notes = new Map<string, { heading: string; ids: string[] }[]>();

  constructor(person: Person) {
    this.person = person;
  }

  get userId(): string {
    return this.person.userId;
  }

  /** Tries something. What the rules forbid is no failure, what the server could not do is. */
  async tries(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await this.person.request(method, path, method === 'GET' ? {} : { body: body ?? {} });
    assert.ok(answer.status < 500, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }

  /** Asks for news, without waiting, and takes note. One at a time, as clients do. */
  syncs(): Promise<void> {
    this.#lastSync = this.#lastSync.then(() => this.#sync());
    return this.#lastSync;
  }

  async #sync(): Promise<void> {
    const before = this.client.nextBatch;
    const filter = JSON.stringify({ room: { timeline: { limit: 10 } } });
    const answer = (await this.person.get('/sync', {
      timeout: 0,
      filter,
      ...(before !== undefined && { since: before }),
    })) as SyncAnswer;
    this.client.hears(answer);
    for (const roomId of Object.keys(answer.rooms?.invite ?? {})) this.invitedTo.add(roomId);
    for (const section of ['join', 'leave'] as const) {
      for (const [roomId, { timeline }] of Object.entries(answer.rooms?.[section] ?? {})) {
        if (!timeline) continue;
        this.#note(roomId, section, before, timeline);
        // Who comes back starts anew: the timeline may go back to before they left.
        const wasOutside = section === 'join' && this.#outside.delete(roomId);
        const wasInvited = section === 'join' && this.invitedTo.delete(roomId);
        const isBack = wasOutside || wasInvited;
        if (section === 'leave') this.#outside.add(roomId);
        const known = isBack ? [] : (this.brought.get(roomId) ?? []);
        const hasGap = timeline.limited === true && before !== undefined && known.length > 0;
        const missed = hasGap ? await this.#gap(roomId, timeline, before) : [];
        this.brought.set(roomId, [...known, ...missed, ...timeline.events.map(({ event_id }) => event_id)]);
      }
    }
  }

  get(path: string, query: Parameters<Person['get']>[1] = {}): Promise<any> {
    return this.person.get(path, query);
  }

  /** All of a room that this user can read, oldest first; undefined where the server refuses. */
  async reads(roomId: string): Promise<SeenEvent[] | undefined> {
    const events: SeenEvent[] = [];
    let from: string | undefined;
    for (;;) {
      const query = new URLSearchParams({ dir: 'b', limit: '100', ...(from !== undefined && { from }) });
      const answer = await this.tries('GET', `/rooms/${encodeURIComponent(roomId)}/messages?${query.toString()}`);
      if (answer.status !== 200) return undefined;
      const page = answer.body as unknown as { chunk: SeenEvent[]; end?: string };
      events.push(...page.chunk);
      if (page.end === undefined) return events.reverse();
      from = page.end;
    }
  }

  /** What sync said of a room, one answer after the other, with events by their place in `order`: for the message of a failure. */
  diary(roomId: string, order: readonly string[]): string {
    const notes = this.#notes.get(roomId) ?? [];
    return notes.map(({ heading, ids }) => `${heading} [${ids.map((id) => order.indexOf(id)).join(' ')}]`).join('; ');
  }

  #note(roomId: string, section: string, since: string | undefined, timeline: Timeline): void {
    const notes = this.#notes.get(roomId) ?? [];
    const heading = `${section} since ${since ?? 'the beginning'}${timeline.limited ? ' limited' : ''}`;
    this.#notes.set(roomId, [...notes, { heading, ids: timeline.events.map(({ event_id }) => event_id) }]);
  }

  async #gap(roomId: string, timeline: Timeline, to: string): Promise<string[]> {
    const ids: string[] = [];
    let from = timeline.prev_batch;
    while (from !== undefined) {
      const query = new URLSearchParams({ dir: 'b', limit: '50', from, to });
      const answer = await this.tries('GET', `/rooms/${encodeURIComponent(roomId)}/messages?${query.toString()}`);
      if (answer.status !== 200) break;
      const page = answer.body as unknown as { chunk: SeenEvent[]; end?: string };
      ids.unshift(...page.chunk.map(({ event_id }) => event_id).reverse());
      from = page.chunk.length === 0 ? undefined : page.end;
    }
    return ids;
  }
}

interface Timeline {
  readonly events: readonly SeenEvent[];
  readonly limited?: boolean;
  readonly prev_batch?: string;
}

interface SyncAnswer {
  readonly [member: string]: unknown;
  readonly next_batch: string;
  readonly rooms?: {
    readonly join?: Record<string, { readonly timeline?: Timeline }>;
    readonly leave?: Record<string, { readonly timeline?: Timeline }>;
    readonly invite?: Record<string, unknown>;
  };
}
