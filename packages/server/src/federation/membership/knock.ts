import * as federation from '@myelin/protocol/api/federation';
import type { ServerName } from '@myelin/protocol/identifiers';
import { knownRoomVersions } from '@myelin/protocol/room-versions';

import { askServers } from './ask-servers.ts';
import { candidates } from './candidates.ts';
import { signTemplate, type WantedMembership } from './handshake.ts';
import { pduJson } from './member-pdu.ts';
import { strippedStateJson, trustworthy } from './shown-state.ts';
import { keepOutside, type RemoteMembershipTools } from './tools.ts';

const timeoutMs = 20_000;

/**
 * Lets a user of ours knock on a room that this server is not in.
 * https://spec.matrix.org/v1.19/server-server-api/#knocking-rooms
 */
export async function knockThroughOthers(
  tools: RemoteMembershipTools,
  wanted: WantedMembership & { readonly via: readonly ServerName[] },
): Promise<void> {
  const { roomId, user } = wanted;
  const ver = knownRoomVersions().flatMap(({ id, knocking }) => (knocking ? id : []));
  const servers = await candidates(tools, wanted);
  await askServers(tools, { servers, what: 'knock' }, async (server, asking) => {
    const template = { params: { roomId, userId: user }, query: { ver } };
    const signed = signTemplate(
      tools,
      wanted,
      await tools.remote.request(server, federation.makeKnock, template, { timeoutMs, ...asking }),
    );
    const { eventId, pdu, rules } = signed;
    const knock = { params: { roomId, eventId }, body: pduJson(pdu) };
    const { knock_room_state: shown } = await tools.remote.request(server, federation.sendKnock, knock, { timeoutMs });
    const seen = await trustworthy(tools.rooms, { roomId, rules }, shown);
    await keepOutside(tools, { roomId, rules }, { eventId, pdu, origin: server, strippedState: strippedStateJson(seen, pdu) });
  });
}
