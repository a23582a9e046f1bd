import { forbidden, invalidParam } from '@myelin/protocol/errors';
import { textField, type JsonObject } from '@myelin/protocol/events';
import { domainOf, type RoomId, type ServerName, type UserId } from '@myelin/protocol/identifiers';

import { checkSpeaksFor, residentRoom, type ServerMembershipTools } from './server-tools.ts';

/** What a server hands in whose user an identity server has found behind an address that was invited. */
export interface ThirdPartyExchange {
  readonly roomId: RoomId;
  readonly origin: ServerName;
  readonly sender: UserId;
  readonly target: UserId;
  readonly thirdPartyInvite: JsonObject;
}

/**
 * Makes an invite to an address one to the user behind it: in the name of whoever invited the address, if that is a user of ours. The
 * room's rules check the identity server's signature. Throws M_FORBIDDEN, M_INVALID_PARAM, and what inviting throws.
 * https://spec.matrix.org/v1.19/server-server-api/#third-party-invites
 */
export async function exchangeThirdPartyInvite(tools: ServerMembershipTools, exchange: ThirdPartyExchange): Promise<void> {
  const { origin, sender, target, thirdPartyInvite } = exchange;
  checkSpeaksFor(origin, target);
  if (domainOf(sender) !== tools.serverName) throw invalidParam(`${sender} is not a user of this server`);
  const room = await residentRoom(tools, exchange.roomId, origin);
  const signed = thirdPartyInvite['signed'] as JsonObject;
  if (signed['mxid'] !== target) throw invalidParam('The signed user is not the invited one');
  const pending = await tools.rooms.states.current(room.nid, 'm.room.third_party_invite', textField(signed, 'token') ?? '');
  if (!pending) throw forbidden('Nobody has been invited with this token');
  if (pending.sender !== sender) throw forbidden(`It is not ${sender} who has invited this address`);
  // The name that was shown before is the room's, not one that the other server picks.
  const display_name = textField(pending.content, 'display_name') ?? '';
  const content: JsonObject = { membership: 'invite', third_party_invite: { ...thirdPartyInvite, display_name } };
  await tools.remote.invite({ room, by: pending.sender, target, content });
}
