import { forbidden, inviteBlocked, invalidParam, limitExceeded, notFound } from '@myelin/protocol/errors';
import { textField, type JsonObject } from '@myelin/protocol/events';
import { domainOf, type RoomId, type UserId } from '@myelin/protocol/identifiers';

import type { RoomIdentity } from '../../../rooms/index.ts';
import { blocksInvites } from '../invites.ts';
import { isServerIn } from '../membership-tools.ts';
import type { ServerMembershipTools } from './server-tools.ts';

/** An invite to an address that turned out to be a user's. */
export interface BoundInvite {
  readonly mxid: UserId;
  readonly room_id: RoomId;
  readonly sender: UserId;
  /** What the identity server has signed. */
  readonly signed: JsonObject & {
    readonly mxid: UserId;
    readonly token: string;
    readonly signatures: Record<string, Record<string, string>>;
  };
}

/** Nobody proves this request, and it can make this server ask others: so many are worked on at the same time. */
const atOnce = 10;
const pauseMs = 10_000;

/**
 * Takes an identity server's word that an address is a user's of ours, with the invites that have waited for it. The word itself proves
 * nothing; the signature in each invite does, which the rules of its room hold against the keys that the room has. Throws what is wrong
 * with the last of those that came to nothing.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv13pidonbind
 */
export function onBind(
  tools: ServerMembershipTools,
): (bound: { readonly mxid: UserId; readonly invites: readonly BoundInvite[] }) => Promise<void> {
  let underWay = 0;
  return async ({ mxid, invites }) => {
    if (domainOf(mxid) !== tools.serverName) throw invalidParam(`${mxid} is not a user of this server`);
    const account = await tools.accounts.find(mxid);
    if (!account || account.isDeactivated) throw notFound(`${mxid} does not exist`);
    if (tools.config.block_non_admin_invites) throw forbidden('Invites have been disabled on this server');
    if (await blocksInvites(tools, mxid)) throw inviteBlocked();
    if (underWay >= atOnce) throw limitExceeded(pauseMs);
    underWay++;
    try {
      await takeUpAll(tools, mxid, invites);
    } finally {
      underWay--;
    }
  };
}

async function takeUpAll(tools: ServerMembershipTools, mxid: UserId, invites: readonly BoundInvite[]): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  for (const invite of invites) {
    try {
      await takeUp(tools, mxid, invite);
    } catch (error) {
      // One that has gone bad is no reason to keep the user from the others.
      tools.logger.info({ err: error, roomId: invite.room_id, userId: mxid }, 'an invite to an address came to nothing');
      failure = { error };
    }
  }
  if (failure) throw failure.error;
}

async function takeUp(tools: ServerMembershipTools, target: UserId, invite: BoundInvite): Promise<void> {
  const { room_id: roomId, sender, signed } = invite;
  if (invite.mxid !== target || signed.mxid !== target) throw invalidParam(`The invite is not one of ${target}`);
  const room = await tools.rooms.ids.find(roomId);
  if (room && (await isServerIn(tools.rooms, room))) await inviteInto(tools, room, { target, signed });
  else await tools.remote.exchange({ roomId, sender, target, signed });
}

/** We are in the room, so that we may say it ourselves, in the name of whoever invited the address. */
async function inviteInto(
  tools: ServerMembershipTools,
  room: RoomIdentity,
  { target, signed }: { readonly target: UserId; readonly signed: BoundInvite['signed'] },
): Promise<void> {
  const { rooms, names, serverName } = tools;
  const own = await rooms.memberships.of(await names.idOf(target), room.nid);
  // The rules would let an invite put out of the room who has come in by another way.
  if (own?.membership === 'join' || own?.membership === 'invite') return;
  const pending = await rooms.states.current(room.nid, 'm.room.third_party_invite', signed.token);
  if (!pending) throw forbidden('Nobody has been invited with this token');
  const display_name = textField(pending.content, 'display_name') ?? '';
  const content: JsonObject = { membership: 'invite', third_party_invite: { display_name, signed } };
  const { sender } = pending;
  const prepared = await rooms.prepare(room, { type: 'm.room.member', sender, stateKey: target, content });
  const outcome = await rooms.receiving.receive(room, prepared, { origin: serverName });
  if (outcome.outcome !== 'accepted') throw forbidden('The room has changed, and does not allow this invite any more');
  const event = await rooms.events.byId(prepared.eventId);
  // Events of our own users leave by themselves.
  if (event && domainOf(sender) !== serverName) await tools.relay(event, serverName);
}
