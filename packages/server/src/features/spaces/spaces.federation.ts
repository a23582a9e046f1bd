import * as federation from '@myelin/protocol/api/federation';
import { notFound } from '@myelin/protocol/errors';
import type { RoomId, ServerName } from '@myelin/protocol/identifiers';

import type { Interner } from '../../platform/database/index.ts';
import { route, type Route } from '../../platform/http/index.ts';
import { isAllowedByAcl } from '../../rooms/index.ts';
import { isRoomHere, mayServerSee, summariseLocalRoom, type RoomSummary } from '../room-directory/index.ts';
import { localEntry, type HierarchyTools } from './hierarchy-entry.ts';
import { childOf, type ChildEvent } from './space-children.ts';

export interface SpacesForServersTools extends HierarchyTools {
  readonly names: Interner;
}

/** Children that one answer describes, as Synapse has it: of more, the asking server asks each by itself. */
const maxChildren = 50;

/** https://spec.matrix.org/v1.19/server-server-api/#spaces */
export function spacesFederation(tools: SpacesForServersTools): Route[] {
  return [
    route(federation.getSpaceHierarchy, async ({ params, query, requester }) => {
      const { origin } = requester;
      const room = await tools.rooms.ids.find(params.roomId);
      const entry =
        room && (await isRoomHere(tools, room)) ? await localEntry(tools, room, query.suggested_only ?? false) : undefined;
      if (!room || !entry || !(await isAllowedByAcl(tools, room, origin)) || !(await mayServerSee(tools, origin, room, entry))) {
        throw notFound('Room does not exist');
      }
      const { children, inaccessible } = await childrenFor(tools, origin, entry.children_state);
      return { room: entry, children, inaccessible_children: inaccessible };
    }),
  ];
}

/** Of rooms that this server is not in, nothing is told: the asking server finds others. */
async function childrenFor(
  tools: SpacesForServersTools,
  server: ServerName,
  events: readonly ChildEvent[],
): Promise<{ children: RoomSummary[]; inaccessible: RoomId[] }> {
  const children: RoomSummary[] = [];
  const inaccessible: RoomId[] = [];
  for (const event of events.slice(0, maxChildren)) {
    const child = childOf(event);
    const room = child && (await tools.rooms.ids.find(child.roomId));
    if (!room || !(await isRoomHere(tools, room))) continue;
    const summary = await summariseLocalRoom(tools, room);
    if (await mayServerSee(tools, server, room, summary)) children.push(summary);
    else inaccessible.push(room.roomId);
  }
  return { children, inaccessible };
}
