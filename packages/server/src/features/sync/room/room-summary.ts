import { isCompliantUserId } from '@myelin/protocol/identifiers';

import type { Interner } from '../../../platform/database/index.ts';
import type { Rooms, StateRoot, StoredEvent } from '../../../rooms/index.ts';
import type { RoomStretch, SyncView } from '../sync-view.ts';
import { heroesAtMost, type SharedReads } from './shared-reads.ts';

export interface SummaryTools {
  readonly rooms: Rooms;
  readonly names: Interner;
  readonly reads: SharedReads;
}

/** Whether any of these state events may change what a summary says. */
export function touchesSummary(changed: readonly StoredEvent[]): boolean {
  return changed.some(({ type }) => type === 'm.room.member' || type === 'm.room.name' || type === 'm.room.canonical_alias');
}

/** Whom to name a room after that has neither name nor alias; the order holds for as long as the members do. */
export async function heroesOf(
  tools: SummaryTools,
  view: SyncView,
  room: RoomStretch,
  root: StateRoot,
): Promise<readonly string[]> {
  const [name, alias] = await tools.rooms.states.events(room.nid, root, [
    ['m.room.name', ''],
    ['m.room.canonical_alias', ''],
  ]);
  if (isSet(name?.content['name']) || isSet(alias?.content['alias'])) return [];
  const first = await tools.reads.firstMembers(room.nid, root);
  const heroes = first.filter((nid) => nid !== view.viewer.userNid).slice(0, heroesAtMost);
  const texts = await tools.names.textsOf(heroes);
  // Whoever may invite may invite what is nobody's id; clients would stumble over it.
  return heroes.flatMap((nid) => texts.get(nid) ?? []).filter(isCompliantUserId);
}

/**
 * `summary` of a joined room, as JSON.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync (`RoomSummary`)
 */
export async function roomSummary(tools: SummaryTools, view: SyncView, room: RoomStretch, root: StateRoot): Promise<string> {
  const [heroes, counts] = await Promise.all([heroesOf(tools, view, room, root), tools.reads.memberCounts(room.nid, root)]);
  return JSON.stringify({
    'm.heroes': heroes,
    'm.joined_member_count': counts.get('join') ?? 0,
    'm.invited_member_count': counts.get('invite') ?? 0,
  });
}

function isSet(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
