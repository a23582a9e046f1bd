import { forbidden, invalidParam } from '@myelin/protocol/errors';
import { readMember } from '@myelin/protocol/events';
import type { UserId } from '@myelin/protocol/identifiers';

import {
  decodePaginationToken,
  membershipIn,
  membersOfRoom,
  type Membership,
  type RoomIdentity,
  type StateRoot,
  type Viewer,
} from '../../rooms/index.ts';
import type { MembershipTools } from './membership-tools.ts';

type ListTools = Pick<MembershipTools, 'rooms' | 'database'>;

/** Which members of a room are wanted. */
export interface MembersWanted {
  /** A token of `/sync` or `/messages`: the members at that moment. */
  readonly at?: string;
  readonly membership?: Membership;
  readonly not_membership?: Membership;
}

/**
 * The membership events of a room as JSON, as far as the viewer may see its state. Linear in the number of members. Throws M_FORBIDDEN
 * for those who never were in the room, M_INVALID_PARAM for a token that is none.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers
 */
export async function memberEvents(
  { rooms, database }: ListTools,
  viewer: Viewer,
  room: RoomIdentity,
  wanted: MembersWanted,
): Promise<string[]> {
  const allowed = await rooms.visibility.stateRootFor(viewer, room.nid);
  if (allowed === undefined) throw notInRoom(viewer, room);
  if (rooms.partial.of(room.nid)) {
    await rooms.partial.untilComplete(room.nid);
    return memberEvents({ rooms, database }, viewer, room, wanted);
  }
  const root = (await rootAt({ rooms }, viewer, room, wanted.at)) ?? allowed;
  const { membership, not_membership: not } = wanted;
  const members = (await rooms.states.all(room.nid, root, 'members')).filter((event) => {
    const found = membershipIn(event.content);
    // Both filters given: either will do, as the specification says.
    if (membership !== undefined && not !== undefined) return found === membership || found !== not;
    return (membership === undefined || found === membership) && found !== not;
  });
  const own = (await rooms.memberships.of(viewer.userNid, room.nid))?.membership ?? 'leave';
  return rooms.serving.serve(
    viewer,
    members.map((event) => ({ event, membership: own })),
    { withRoomId: true },
  );
}

/** The state at a token, for those who are in the room: those who left see the state they left behind, whatever they ask for. */
async function rootAt(
  { rooms }: Pick<ListTools, 'rooms'>,
  viewer: Viewer,
  room: RoomIdentity,
  at: string | undefined,
): Promise<StateRoot | undefined> {
  if (at === undefined || at === '') return undefined;
  const token = decodePaginationToken(at);
  if (!token) throw invalidParam('at is not a token of this server');
  if (!(await rooms.memberships.isJoined(viewer.userNid, room.nid))) return undefined;
  return (await rooms.timeline.lastUpTo(room.nid, token.position))?.currentRoot;
}

/**
 * Who is in a room, with names and avatars. Throws M_FORBIDDEN for those who are not.
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members
 */
export async function joinedMembers(
  { rooms, database }: ListTools,
  viewer: Viewer,
  room: RoomIdentity,
): Promise<Partial<Record<UserId, JoinedMember>>> {
  if (!(await rooms.memberships.isJoined(viewer.userNid, room.nid))) throw notInRoom(viewer, room);
  await rooms.partial.untilComplete(room.nid);
  const rows = await membersOfRoom(database, room.nid, ['join']);
  const events = await rooms.events.listByNids(rows.map(({ eventNid }) => eventNid));
  const joined = events.map((event): [UserId, JoinedMember] => {
    const { displayName, avatarUrl } = readMember(event.content);
    return [
      // The authorisation rules let no other state key pass.
      (event.stateKey ?? event.sender) as UserId,
      {
        ...(displayName !== undefined && { display_name: displayName }),
        ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
      },
    ];
  });
  return Object.fromEntries(joined);
}

interface JoinedMember {
  readonly display_name?: string;
  readonly avatar_url?: string;
}

function notInRoom(viewer: Viewer, room: RoomIdentity) {
  return forbidden(`${viewer.userId} is not in room ${room.roomId}`);
}
