import type { Filter } from '@myelin/protocol/filters';
import { compileFilter } from '@myelin/protocol/filters';
import type { UserId } from '@myelin/protocol/identifiers';
import { expectSyncToConverge, SyncedClient } from '@myelin/testing';

import { decodeSyncToken } from '../../platform/streams/index.ts';
import type { SyncSource, Viewer } from '../../rooms/index.ts';
import type { Hive } from '../hive.fixture.ts';
import { answerSync, type PollTools } from './long-poll.ts';
import { LazyMembers } from './room/lazy-members.ts';
import { SharedReads } from './room/shared-reads.ts';
import { SyncSources } from './sync-sources.ts';

export interface SyncOptions {
  readonly filter?: Filter;
  readonly since?: string | undefined;
  readonly fullState?: boolean;
  readonly useStateAfter?: boolean;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly excludedRooms?: readonly string[];
}

/** Syncs as the routes do, without HTTP; answers are parsed. */
export interface SyncOnHive {
  readonly tools: PollTools;
  sync(viewer: Viewer, options?: SyncOptions): Promise<any>;
  /** A client that goes on where it was, and whose knowledge can be held against a fresh one's. */
  clientOf(viewer: Viewer): { next(): Promise<any>; converges(): Promise<void> };
  viewer(name: string): Promise<Viewer>;
}

export function openSync(hive: Hive, sources: readonly SyncSource[] = []): SyncOnHive {
  const tools: PollTools = {
    database: hive.database,
    names: hive.names,
    notifier: hive.notifier,
    clock: hive.clock,
    rooms: hive.rooms,
    sources: new SyncSources(hive.rooms, sources),
    reads: new SharedReads(hive),
    lazyMembers: new LazyMembers(hive.caches),
    relationsOf: async () => new Map(),
  };
  const sync = async (viewer: Viewer, options: SyncOptions = {}): Promise<any> => {
    const filter = compileFilter(options.filter);
    const answer = await answerSync(
      tools,
      {
        viewer,
        filter,
        since: options.since === undefined ? undefined : decodeSyncToken(options.since),
        fullState: options.fullState ?? false,
        stateMember: options.useStateAfter ? 'state_after' : 'state',
        excludedRooms: new Set(options.excludedRooms),
        timelineLimit: filter.timeline.limit ?? 10,
        membersKnownTo: tools.lazyMembers.memoryOf(viewer, options.since),
      },
      { timeoutMs: options.timeoutMs ?? 0, signal: options.signal ?? new AbortController().signal },
    );
    return JSON.parse(answer.parts.join(''));
  };
  return {
    tools,
    sync,
    clientOf(viewer) {
      const client = new SyncedClient();
      const get = (_path: string, query: Readonly<Record<string, unknown>> = {}): Promise<any> =>
        sync(viewer, {
          since: query['since'] as string | undefined,
          ...(typeof query['filter'] === 'string' && { filter: JSON.parse(query['filter']) as Filter }),
        });
      return {
        async next() {
          const answer = await sync(viewer, { since: client.nextBatch });
          client.hears(answer);
          return answer;
        },
        converges: () => expectSyncToConverge({ userId: viewer.userId, client, get }),
      };
    },
    async viewer(name) {
      const userId = `@${name}:${hive.serverName}` as UserId;
      return { userId, userNid: await hive.names.idOf(userId), isGuest: false };
    },
  };
}

/** What is told of events: bodies of messages, types of the rest. */
export function bodies(events: readonly any[] | undefined): string[] {
  return (events ?? []).map(({ type, content }) => content.body ?? type);
}
