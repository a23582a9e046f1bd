import * as federation from '@myelin/protocol/api/federation';
import type { JsonObject } from '@myelin/protocol/events';
import { domainOf, type RoomId, type UserId } from '@myelin/protocol/identifiers';

import { askServers } from './ask-servers.ts';
import type { RemoteMembershipTools } from './tools.ts';

const timeoutMs = 20_000;

/** A user of ours is behind an address that somebody has invited to a room in which this server is not. */
export interface ThirdPartyInvitation {
  readonly roomId: RoomId;
  /** Who invited the address. */
  readonly sender: UserId;
  readonly target: UserId;
  /** What the identity server has signed: `mxid`, `token`, `signatures`. */
  readonly signed: JsonObject & {
    readonly mxid: UserId;
    readonly token: string;
    readonly signatures: Record<string, Record<string, string>>;
  };
}

/**
 * Has the server of whoever invited an address make an invite of it to the user behind the address; the invite then comes as any other.
 * https://spec.matrix.org/v1.19/server-server-api/#cases-where-an-association-doesnt-exist-for-a-third-party-identifier
 */
export async function exchangeThroughOthers(tools: RemoteMembershipTools, invitation: ThirdPartyInvitation): Promise<void> {
  const { roomId, sender, target, signed } = invitation;
  const server = domainOf(sender);
  const servers = server !== tools.serverName && tools.remote.federatesWith(server) ? [server] : [];
  await askServers(tools, { servers, what: 'exchange the third-party invite' }, async (asked, asking) => {
    const third_party_invite = { display_name: '', signed: { ...signed } };
    const body = {
      type: 'm.room.member' as const,
      room_id: roomId,
      sender,
      state_key: target,
      content: { membership: 'invite' as const, third_party_invite },
    };
    await tools.remote.request(
      asked,
      federation.exchangeThirdPartyInvite,
      { params: { roomId }, body },
      { timeoutMs, ...asking },
    );
  });
}
