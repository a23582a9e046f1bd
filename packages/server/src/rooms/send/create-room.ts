import { buildPdu, eventIdOf, hashAndSignPdu, roomIdOfCreate } from '@myelin/protocol/events';
import { roomId as makeRoomId, type RoomId } from '@myelin/protocol/identifiers';
import type { RoomVersionRules } from '@myelin/protocol/room-versions';

import type { StoredEvent } from '../events/stored-event.ts';
import type { RoomIdentity, RoomIds } from '../room-ids.ts';
import type { EventDraft } from './event-draft.ts';
import { allowedDraft, internDraft, sendEvents, type Alongside, type SendTools } from './send-events.ts';

const opaqueIdLength = 18;

/** What a room needs to exist: a create event, then whatever its first turn brings, all in one transaction. */
export interface NewRoom {
  readonly rules: RoomVersionRules;
  /** `m.room.create`. */
  readonly create: EventDraft;
  /** What follows, in order; it may depend on the room's id, which room version 12 makes from the create event. */
  readonly followers: (roomId: RoomId) => readonly EventDraft[];
  readonly alongside?: Alongside;
}

/** What creating needs beside the tools of sending. */
export interface CreateTools {
  readonly rooms: RoomIds;
  readonly nextRoomNid: () => number;
  /** Milliseconds since 1970, never the same twice: two rooms of version 12 that are alike would have one id otherwise. */
  readonly uniqueTimestamp: () => number;
}

/** Makes a room of this server. All of its first events are accepted and durable, or there is no room. */
export async function createRoom(
  tools: SendTools & CreateTools,
  room: NewRoom,
): Promise<{ identity: RoomIdentity; sent: readonly StoredEvent[] }> {
  const create = { ...room.create, originServerTs: room.create.originServerTs ?? tools.uniqueTimestamp() };
  const roomId = roomIdFor(tools, room.rules, create);
  const identity: RoomIdentity = { nid: tools.nextRoomNid(), roomId, rules: room.rules };
  const drafts = await Promise.all(
    [create, ...room.followers(roomId)].map(async (draft, index) => {
      // The create event has given the room its id: what it says stands.
      const allowed = index === 0 ? draft : await allowedDraft(tools.hooks, draft, identity);
      return { ...allowed, ...(await internDraft(tools.names, allowed)) };
    }),
  );
  const inMemory = tools.registry.add(identity);
  const { sent, durable } = await inMemory
    .turn(() =>
      sendEvents(tools, inMemory, drafts, (tx, events) => {
        tools.rooms.create(tx, identity);
        room.alongside?.(tx, events);
      }),
    )
    .catch((error: unknown) => {
      tools.registry.drop(identity.nid);
      throw error;
    });
  await durable;
  return { identity, sent };
}

/** From version 12 the id is the create event's hash, which building the event a second time gives again; https://spec.matrix.org/v1.19/rooms/v12/#room-ids */
function roomIdFor(tools: SendTools, rules: RoomVersionRules, create: EventDraft & { originServerTs: number }): RoomId {
  if (!rules.roomIdIsCreateEventHash) return makeRoomId(tools.random.token(opaqueIdLength), tools.serverName);
  const unsigned = buildPdu({ ...create, roomId: undefined, stateKey: '', prevEvents: [], authEvents: [], depth: 1 }, rules);
  return roomIdOfCreate(eventIdOf(hashAndSignPdu(unsigned, tools.serverName, tools.signingKey, rules), rules));
}
