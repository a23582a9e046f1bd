import { unknown as unknownError } from '@myelin/protocol/errors';
import type { UserId } from '@myelin/protocol/identifiers';

import { membersAfter, persistEvents } from '../../events/persist-events.ts';
import { membershipChange } from '../../membership/membership-changes.ts';
import { membershipOf } from '../../membership/membership-store.ts';
import type { MembershipChange } from '../../membership/membership.ts';
import type { RoomIdentity } from '../../room-ids.ts';
import { atTheDoor } from '../door/at-the-door.ts';
import { nidAmong } from '../outliers/store-outliers.ts';
import { internNames, storedFromPdu } from '../outliers/stored-from-pdu.ts';
import type { ReceiveTools } from '../receive-tools.ts';
import type { RawPdu } from '../remote-events.ts';
import { noteOutOfBand } from './out-of-band.store.ts';

/** A membership of a local user in a room in which this server is not. */
export interface OutOfBandMembership {
  /** An invitation; or a knock, a leave, a ban that another server has accepted. */
  readonly event: RawPdu;
  /** What the user may see of the room: a JSON array of stripped events, for an invitation or a knock. */
  readonly strippedState?: string;
}

/**
 * Keeps what another server says of a local user's membership, without the room. Nothing can be held against it but its signatures, for
 * this server does not know the room's state. False where this server is in the room: the event comes as any other then.
 * https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
 */
export async function receiveOutOfBand(
  tools: ReceiveTools,
  identity: RoomIdentity,
  { event: raw, strippedState }: OutOfBandMembership,
): Promise<boolean> {
  const [checked] = await atTheDoor(tools.network.verifier, identity, [raw]);
  if (!checked?.ok) throw unknownError(`The membership is no event of the room: ${checked?.reason ?? 'there is none'}`, 400);
  const names = (await internNames(tools.names, [checked]))(checked);
  const userNid = names.stateKeyNid;
  if (checked.event.type !== 'm.room.member' || userNid === undefined) throw unknownError('The event is no membership', 400);

  const { durable, isOutside } = await tools.registry.inTurn(identity, async (room) => {
    const done = { durable: Promise.resolve(), isOutside: true };
    if ((await tools.memberships.localMembers(room.nid)).size > 0) return { ...done, isOutside: false };
    const near = await tools.events.byIds([checked.eventId, ...checked.event.authEvents, ...checked.event.prevEvents]);
    if (near.has(checked.eventId)) return done;
    const slot = tools.stream.allocate(1);
    try {
      const nowhere = { position: undefined, stateRoot: undefined, roomRoot: undefined, replacesNid: undefined };
      const { authNids: _, ...written } = storedFromPdu(
        identity,
        checked,
        names,
        { nid: slot.position, verdict: 'accepted', ...nowhere },
        nidAmong(near, identity),
      );
      const { event } = written;
      const previous = await membershipOf(tools.database, userNid, room.nid);
      const change: MembershipChange = {
        ...(await membershipChange(tools, { userNid, before: undefined, after: event }, slot.position)),
        previous: previous?.membership ?? 'leave',
        isFirst: previous === undefined,
      };
      if (!change.local) throw unknownError(`${checked.event.stateKey as UserId} is no user of this server`, 400);
      const { durable } = await persistEvents(tools, room, {
        events: [written],
        head: { ...room.head, members: membersAfter(room.head.members, [change]) },
        batch: {
          room,
          // Invitations notify; for that it stands where it came in.
          events: change.membership === 'invite' ? [event.with({ position: slot.position })] : [],
          stateChanges: [],
          membershipChanges: [change],
          redactions: [],
        },
        alongside: [(tx) => noteOutOfBand(tx, event.nid)],
        strippedStates: strippedState === undefined ? [] : [{ userNid, json: strippedState }],
        slot,
      });
      return { durable, isOutside: true };
    } catch (error) {
      slot.abandon();
      throw error;
    }
  });
  await durable;
  return isOutside;
}
