import * as federation from '@myelin/protocol/api/federation';
import { notFound } from '@myelin/protocol/errors';
import { buildPdu, depthAfter, eventIdOf, hashAndSignPdu, type EventReference } from '@myelin/protocol/events';
import { assignedEventId, type ServerName } from '@myelin/protocol/identifiers';

import type { RoomIdentity, StoredEvent } from '../../rooms/index.ts';
import { askServers, type Asking } from './ask-servers.ts';
import { candidates } from './candidates.ts';
import { signTemplate, type WantedMembership } from './handshake.ts';
import { pduJson } from './member-pdu.ts';
import { keepOutside, type IdentifiedPdu, type RemoteMembershipTools } from './tools.ts';

const timeoutMs = 10_000;
/** The user wants to be rid of it, and is in any case. */
const patienceMs = 15_000;

/**
 * Turns down an invite to a room that this server is not in, or takes back a knock there. Where no server helps, the user is rid of it
 * all the same: this server keeps for itself that they left. Throws M_NOT_FOUND where there is nothing to leave.
 * https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites
 */
export async function leaveThroughOthers(
  tools: RemoteMembershipTools,
  wanted: WantedMembership & { readonly via: readonly ServerName[] },
): Promise<void> {
  const { roomId, user } = wanted;
  const room = await tools.rooms.ids.find(roomId);
  const own = room && (await tools.rooms.memberships.of(await tools.names.idOf(user), room.nid));
  if (!room || !own) throw notFound('Not a known room');
  if (own.membership !== 'invite' && own.membership !== 'knock') return;
  const servers = await candidates(tools, wanted);
  const event = await askServers(tools, { servers, what: 'leave', patienceMs }, (server, asking) =>
    leaveThrough(tools, server, room, { ...wanted, asking }),
  ).catch(async (error: unknown) => {
    tools.logger.warn({ err: error, roomId, userId: user }, 'no server could be told that a user does not come');
    const before = await tools.rooms.events.byNid(own.eventNid);
    if (!before) throw error;
    return leaveAlone(tools, room, wanted, before);
  });
  await keepOutside(tools, room, { ...event, origin: tools.serverName });
}

async function leaveThrough(
  tools: RemoteMembershipTools,
  server: ServerName,
  { rules }: RoomIdentity,
  wanted: WantedMembership & { readonly asking: Asking },
): Promise<IdentifiedPdu> {
  const { roomId, user, asking } = wanted;
  const template = await tools.remote.request(
    server,
    federation.makeLeave,
    { params: { roomId, userId: user } },
    { timeoutMs, ...asking },
  );
  // Older servers leave the version out; the invite has told it.
  const { eventId, pdu } = signTemplate(tools, wanted, { ...template, room_version: rules.id });
  await tools.remote.request(server, federation.sendLeaveV2, { params: { roomId, eventId }, body: pduJson(pdu) }, { timeoutMs });
  return { eventId, pdu };
}

/** A leave event that follows the invite or the knock and that no other server ever sees. */
async function leaveAlone(
  tools: RemoteMembershipTools,
  { roomId, rules }: RoomIdentity,
  { user, content }: WantedMembership,
  before: StoredEvent,
): Promise<IdentifiedPdu> {
  const hashes = rules.referencesCarryHashes ? await tools.rooms.pdus.referenceHashes([before.eventId], rules) : undefined;
  const follows: EventReference = { eventId: before.eventId, sha256: hashes?.get(before.eventId) };
  const unsigned = buildPdu(
    {
      type: 'm.room.member',
      sender: user,
      roomId,
      stateKey: user,
      content,
      prevEvents: [follows],
      authEvents: [follows],
      depth: depthAfter([before.depth]),
      originServerTs: tools.clock.now(),
      eventId: rules.eventIds === 'assigned' ? assignedEventId(tools.random.token(24), tools.serverName) : undefined,
    },
    rules,
  );
  const pdu = hashAndSignPdu(unsigned, tools.serverName, tools.signingKey, rules);
  return { eventId: eventIdOf(pdu, rules), pdu };
}
