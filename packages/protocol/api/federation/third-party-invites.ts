import { Type } from 'typebox';

import { endpoint } from '../endpoint.ts';
import * as s from '../schemas.ts';
import * as shared from './shared.ts';

/** Invites that have waited for one address: nobody has more, and each is work. */
const mostInvites = 100;
/** What an identity server has signed; https://spec.matrix.org/v1.19/server-server-api/#third-party-invites */
const SignedThirdPartyInvite = Type.Object({
  mxid: s.UserId,
  token: Type.String(),
  signatures: s.MapOf(s.MapOf(Type.String())),
});

/**
 * Asks a server in the room to turn a third-party invite into an invite.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv1exchange_third_party_inviteroomid
 */
export const exchangeThirdPartyInvite = endpoint({
  id: 'exchangeThirdPartyInvite',
  method: 'PUT',
  path: '/_matrix/federation/v1/exchange_third_party_invite/:roomId',
  auth: 'server',
  params: shared.RoomParams,
  body: Type.Object({
    type: Type.Literal('m.room.member'),
    room_id: s.RoomId,
    sender: s.UserId,
    state_key: s.UserId,
    content: Type.Object({
      membership: Type.Literal('invite'),
      // Synapse leaves the name out, and the room has it anyway.
      third_party_invite: Type.Object({ display_name: Type.Optional(Type.String()), signed: SignedThirdPartyInvite }),
    }),
  }),
  response: s.Empty,
});

/**
 * An identity server tells that a third-party identifier belongs to a user now. It signs nothing: what it says is checked by the
 * signatures in the invites.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv13pidonbind
 */
export const onBindThirdPartyIdentifier = endpoint({
  id: 'onBindThirdPartyIdentifier',
  method: 'PUT',
  path: '/_matrix/federation/v1/3pid/onbind',
  auth: 'none',
  body: Type.Object({
    medium: Type.String(),
    address: Type.String(),
    mxid: s.UserId,
    invites: Type.Array(
      Type.Object({
        medium: Type.String(),
        address: Type.String(),
        mxid: s.UserId,
        room_id: s.RoomId,
        sender: s.UserId,
        signed: SignedThirdPartyInvite,
      }),
      { maxItems: mostInvites },
    ),
  }),
  response: s.Empty,
});

/** The same as identity servers in use send it, and other homeservers take it. */
export const onBindThirdPartyIdentifierByPost = endpoint({
  ...onBindThirdPartyIdentifier,
  id: 'onBindThirdPartyIdentifierByPost',
  method: 'POST',
});
