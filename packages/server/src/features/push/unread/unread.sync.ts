import type { EventStore, SyncScope, SyncSource, UnreadCounts } from '../../../rooms/index.ts';
import { mainTimeline } from '../notifying/thread-of-event.ts';
import type { Unread, UnreadThreads } from './unread.ts';

type RoomCounts = UnreadCounts & { readonly threads?: ReadonlyMap<string, UnreadCounts> };

/**
 * `unread_notifications` and `unread_thread_notifications` of the rooms whose counts may have changed: those with new events, and those
 * where the user has read. https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
export function unreadSyncSource(unread: Unread, events: EventStore): SyncSource {
  const counts = async (scope: SyncScope, rooms: Iterable<number>): Promise<{ unread?: Map<number, RoomCounts> }> => {
    const byRoom = await unread.of(scope.viewer.userNid, rooms);
    if (byRoom.size === 0) return {};
    const roots = scope.threadCounts ? await rootIds(events, byRoom.values()) : undefined;
    return {
      unread: new Map(Array.from(byRoom, ([roomNid, threads]) => [roomNid, roots ? byThread(threads, roots) : total(threads)])),
    };
  };
  return {
    name: 'unread counts',
    stream: 'push_counts',
    followsTimelines: true,
    now: () => unread.stream.now,
    everything: (scope) => counts(scope, scope.joinedRooms),
    changes: async (scope, since, upTo) => {
      const rooms = new Set<number>(scope.newRooms);
      for (const roomNid of scope.roomsWithEvents) if (scope.joinedRooms.has(roomNid)) rooms.add(roomNid);
      for (const roomNid of await unread.markedRooms(scope.viewer.userNid, since, upTo)) {
        if (scope.joinedRooms.has(roomNid)) rooms.add(roomNid);
      }
      return counts(scope, rooms);
    },
  };
}

function total(threads: UnreadThreads): RoomCounts {
  let [notifications, highlights] = [0, 0];
  for (const thread of threads.values()) {
    notifications += thread.notifications;
    highlights += thread.highlights;
  }
  return { notifications, highlights };
}

/** The main timeline's counts, and the threads' beside them. */
function byThread(threads: UnreadThreads, roots: ReadonlyMap<number, string>): RoomCounts {
  const named = new Map<string, UnreadCounts>();
  for (const [threadNid, { notifications, highlights }] of threads) {
    const root = roots.get(threadNid);
    if (root !== undefined) named.set(root, { notifications, highlights });
  }
  const main = threads.get(mainTimeline);
  return { notifications: main?.notifications ?? 0, highlights: main?.highlights ?? 0, threads: named };
}

async function rootIds(events: EventStore, rooms: Iterable<UnreadThreads>): Promise<Map<number, string>> {
  const nids = new Set<number>();
  for (const threads of rooms) for (const threadNid of threads.keys()) if (threadNid !== mainTimeline) nids.add(threadNid);
  const roots = await events.byNids(nids);
  return new Map(Array.from(roots, ([nid, { eventId }]) => [nid, eventId]));
}
