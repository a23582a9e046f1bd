import { redactContent } from '@myelin/protocol/events';

import type { Tx } from '../../platform/database/index.ts';
import { emptyState, type PersistBatch, type PersistHook, type Rooms, type StoredEvent } from '../../rooms/index.ts';
import {
  describeRoom,
  describingState,
  describingTypes,
  isDescribing,
  type DescribingType,
  type RoomDescription,
} from './describe-room.ts';
import { updateDescription, updateJoinedMembers } from './published-rooms.store.ts';

/**
 * Keeps the directory's row of a room as the room is, in the transaction of the events that change it. The row is written without
 * asking whether there is one: for most rooms that statement finds nothing, which costs less than finding out.
 */
export function keepPublishedRooms(rooms: Pick<Rooms, 'states'>): PersistHook {
  return {
    name: 'published rooms',
    prepare(batch) {
      if (isDescribedAnew(batch)) return prepareDescription(rooms, batch);
      const before = batch.room.head.members.get('join') ?? 0;
      const after = joinedAfter(batch);
      if (after === before) return undefined;
      return (tx) => updateJoinedMembers(tx, batch.room.nid, after);
    },
  };
}

async function prepareDescription(rooms: Pick<Rooms, 'states'>, batch: PersistBatch): Promise<(tx: Tx) => void> {
  const description = await describeAfter(rooms, batch);
  const joined = joinedAfter(batch);
  return (tx) => updateDescription(tx, batch.room.nid, joined, description);
}

function isDescribedAnew(batch: PersistBatch): boolean {
  return (
    batch.stateChanges.some(({ type, stateKey }) => isDescribing(type, stateKey)) ||
    batch.redactions.some(({ target }) => isDescribing(target.type, target.stateKey))
  );
}

/** The state before the batch, with what the batch makes of it. */
async function describeAfter(rooms: Pick<Rooms, 'states'>, batch: PersistBatch): Promise<RoomDescription> {
  const { nid, head, rules } = batch.room;
  const before = head.root === emptyState ? [] : await rooms.states.events(nid, head.root, describingState);
  const now = new Map<DescribingType, StoredEvent | undefined>(describingTypes.map((type, index) => [type, before[index]]));
  for (const { type, stateKey, after } of batch.stateChanges) if (isDescribing(type, stateKey)) now.set(type, after);
  const redacted = new Set(batch.redactions.map(({ target }) => target.nid));
  return describeRoom((type) => {
    const event = now.get(type);
    return event && redacted.has(event.nid) ? redactContent(type, event.content, rules) : event?.content;
  });
}

function joinedAfter(batch: PersistBatch): number {
  let joined = batch.room.head.members.get('join') ?? 0;
  for (const { previous, membership } of batch.membershipChanges) {
    if (previous === 'join') joined -= 1;
    if (membership === 'join') joined += 1;
  }
  return joined;
}
