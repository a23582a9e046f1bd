import { forbidden } from '@myelin/protocol/errors';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';

import type { Viewer } from '../../rooms/index.ts';
import { isRoomHere, mayPersonSee, type RoomSummary } from '../room-directory/index.ts';
import { isSpace, localEntry, type HierarchyEntry, type HierarchyTools } from './hierarchy-entry.ts';
import type { RemoteHierarchy, RemoteSpaces } from './remote-spaces.ts';
import { childOf, orderedChildren } from './space-children.ts';

export interface WalkTools extends HierarchyTools {
  readonly remote: RemoteSpaces;
}

/** A room that the walk is still to look at. */
interface Waiting {
  readonly roomId: RoomId;
  readonly via: readonly ServerName[];
  readonly depth: number;
  /** What the server of the space above has told of it already. */
  readonly told?: RoomSummary | undefined;
}

/** What one walk is about; it stays the same from page to page. */
export interface HierarchyQuestion {
  readonly roomId: RoomId;
  readonly via: readonly ServerName[];
  readonly suggestedOnly: boolean;
  readonly maxDepth: number;
}

/** How far a walk has come. A page leaves the one it began with as it was, so that a client may ask for it again. */
export interface HierarchyPlace {
  /** The next one last. */
  readonly waiting: readonly Waiting[];
  /** Rooms that were looked at: each is shown once, and loops end. */
  readonly seen: ReadonlySet<RoomId>;
}

/** Rooms that one page looks at: of a large space of which the viewer may see nothing, a page may be empty. */
const maxLooked = 500;
const maxAskedOthers = 50;

/** Where a walk begins. */
export function startOf({ roomId, via }: HierarchyQuestion): HierarchyPlace {
  return { waiting: [{ roomId, via, depth: 0 }], seen: new Set() };
}

/**
 * The next rooms of a space tree, depth first, as far as the viewer may see them. Throws M_FORBIDDEN where that is not even the first.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
export async function walkHierarchy(
  tools: WalkTools,
  viewer: Viewer,
  question: HierarchyQuestion,
  from: HierarchyPlace,
  limit: number,
): Promise<{ rooms: HierarchyEntry[]; next: HierarchyPlace | undefined }> {
  const waiting = [...from.waiting];
  const seen = new Set(from.seen);
  const found: HierarchyEntry[] = [];
  let askedOthers = 0;
  for (let looked = 0; found.length < limit && looked < maxLooked && askedOthers < maxAskedOthers; looked++) {
    const next = waiting.pop();
    if (!next) break;
    if (seen.has(next.roomId)) continue;
    seen.add(next.roomId);
    const looking = await look(tools, question, next);
    if (looking?.askedOthers) askedOthers += 1;
    const entry = looking?.entry;
    if (!entry || !(await mayPersonSee(tools, viewer, next.roomId, entry))) {
      if (next.depth === 0) throw forbidden('You are not allowed to view this room');
      continue;
    }
    found.push(entry);
    if (next.depth < question.maxDepth) waiting.push(...childrenOf(entry, next.depth + 1, looking.told, seen).toReversed());
  }
  return { rooms: found, next: waiting.length > 0 ? { waiting, seen } : undefined };
}

interface Looking {
  readonly entry?: HierarchyEntry;
  readonly askedOthers: boolean;
  /** What another server told along with it. */
  readonly told?: RemoteHierarchy;
}

async function look(tools: WalkTools, question: HierarchyQuestion, next: Waiting): Promise<Looking | undefined> {
  const room = await tools.rooms.ids.find(next.roomId);
  // What we know ourselves is better than what others tell.
  if (room && (await isRoomHere(tools, room))) {
    return { entry: await localEntry(tools, room, question.suggestedOnly), askedOthers: false };
  }
  if (next.told && (!isSpace(next.told) || next.depth >= question.maxDepth)) {
    return { entry: { ...next.told, children_state: [] }, askedOthers: false };
  }
  const told = await tools.remote.hierarchy(next.roomId, next.via);
  if (!told) return { askedOthers: true };
  const children = isSpace(told.room) ? orderedChildren(told.room.children_state, question.suggestedOnly) : [];
  return { entry: { ...told.room, children_state: children }, askedOthers: true, told };
}

function childrenOf(
  entry: HierarchyEntry,
  depth: number,
  told: RemoteHierarchy | undefined,
  seen: ReadonlySet<RoomId>,
): Waiting[] {
  const summaries = new Map(told?.children.map((child) => [child.room_id, child]));
  const inaccessible = new Set(told?.inaccessible);
  return entry.children_state.flatMap((event): Waiting[] => {
    const child = childOf(event);
    if (!child || seen.has(child.roomId) || inaccessible.has(child.roomId)) return [];
    return [{ ...child, depth, told: summaries.get(child.roomId) }];
  });
}
