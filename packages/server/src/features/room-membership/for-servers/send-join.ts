import { forbidden } from '@myelin/protocol/errors';
import { signPdu, type Pdu } from '@myelin/protocol/events';
import { readMember } from '@myelin/protocol/events/content';
import { domainOf } from '@myelin/protocol/identifiers';

import { firstMembers, serversOfRoom, stateBefore, type RoomIdentity, type StoredEvent } from '../../../rooms/index.ts';
import { limit } from '../membership-tools.ts';
import type { ServerMembershipTools } from './server-tools.ts';
import { takeSubmission, type Submission } from './submitted-event.ts';
import { whoLetsIn } from './templates.ts';

const heroes = 5;
/** Events are read and written down in stretches, so that others are served in between. */
const atOnce = 500;

/**
 * Takes a join into the room; the answer is JSON in parts, for it may be as large as the room's state.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 */
export async function acceptJoin(
  tools: ServerMembershipTools,
  submission: Omit<Submission, 'membership'> & { readonly omitMembers: boolean },
): Promise<string[]> {
  const serversBefore = await serversIn(tools, submission.roomId);
  const { room, event } = await takeSubmission(tools, { ...submission, membership: 'join' }, (into, pdu) =>
    signForUser(tools, into, pdu),
  );
  const [join] = await tools.rooms.pdus.pdusOf([event], room.rules);
  // Of a room of 50,000 members these are a few.
  const before = await stateBefore(tools.rooms.states, event, submission.omitMembers ? 'others' : 'all');
  if (!before) throw new Error(`no state is known before the join ${event.eventId}`);
  const state = submission.omitMembers ? [...before, ...(await membersToShow(tools, room, before, event))] : before;
  const chain = new Set(
    await tools.rooms.authChains.of({
      server: submission.origin,
      rules: room.rules,
      events: [event.nid, ...state],
      // Whom a room without a name is called by may change until the join comes again.
      ...(!submission.omitMembers && { name: `join ${event.nid}` }),
    }),
  );
  // What is in the state need not be said twice to those who can do without.
  if (submission.omitMembers) for (const nid of state) chain.delete(nid);
  return [
    `{"event":${JSON.stringify(join)},"origin":${JSON.stringify(tools.serverName)},`,
    `"members_omitted":${submission.omitMembers},`,
    ...(submission.omitMembers ? [`"servers_in_room":${JSON.stringify(serversBefore)},`] : []),
    '"auth_chain":[',
    ...(await pduTexts(tools, room, [...chain])),
    '],"state":[',
    ...(await pduTexts(tools, room, state)),
    ']}',
  ];
}

/** Adds our signature where one of our users lets the joining one in: again only where that user still may. */
async function signForUser(tools: ServerMembershipTools, room: RoomIdentity, pdu: Pdu): Promise<Pdu> {
  limit(tools, 'rc_joins_per_room', { userId: pdu.sender, isGuest: false, isAdmin: false }, room.roomId);
  const authoriser = readMember(pdu.content).joinAuthorisedVia;
  if (authoriser === undefined || !room.rules.restrictedJoins || domainOf(authoriser) !== tools.serverName) return pdu;
  // An invite that came meanwhile needs nobody's word.
  const current = await tools.rooms.states.current(room.nid, 'm.room.member', pdu.sender);
  const isIn = current !== undefined && ['join', 'invite'].includes(readMember(current.content).membership ?? '');
  if (!isIn && (await whoLetsIn(tools, room, pdu.sender)) === undefined) {
    throw forbidden('The room does not let anybody in by the word of others');
  }
  return signPdu(pdu, tools.serverName, tools.signingKey, room.rules);
}

async function serversIn(tools: ServerMembershipTools, roomId: string): Promise<string[]> {
  const room = await tools.rooms.ids.find(roomId);
  return room ? serversOfRoom(tools, room.nid) : [];
}

/**
 * The memberships by which clients name a room that has no name.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid (`state`)
 */
async function membersToShow(
  { rooms, database }: ServerMembershipTools,
  room: RoomIdentity,
  others: readonly number[],
  join: StoredEvent,
): Promise<number[]> {
  const state = await rooms.events.listByNids(others);
  const isNamed = state.some(
    ({ type, stateKey }) => (type === 'm.room.name' || type === 'm.room.canonical_alias') && stateKey === '',
  );
  if (isNamed) return [];
  const users = await firstMembers(database, room.nid, join.senderNid, ['join', 'invite'], heroes);
  const members = await Promise.all(users.map((userNid) => rooms.memberships.of(userNid, room.nid)));
  return members.flatMap((member) => member?.eventNid ?? []);
}

/** Events as JSON texts with the commas between them. */
async function pduTexts({ rooms }: ServerMembershipTools, room: RoomIdentity, nids: readonly number[]): Promise<string[]> {
  const texts: string[] = [];
  for (let at = 0; at < nids.length; at += atOnce) {
    const events = await rooms.events.listByNids(nids.slice(at, at + atOnce));
    const pdus = await rooms.pdus.pdusOf(events, room.rules);
    const text = pdus.map((pdu) => JSON.stringify(pdu)).join(',');
    if (text !== '') texts.push(texts.length === 0 ? text : `,${text}`);
  }
  return texts;
}
