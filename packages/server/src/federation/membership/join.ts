import * as federation from '@myelin/protocol/api/federation';
import { isJsonObject } from '@myelin/protocol/canonical-json';
import { readMember } from '@myelin/protocol/events/content';
import { domainOf, isUserId, type ServerName, type UserId } from '@myelin/protocol/identifiers';
import { knownRoomVersions } from '@myelin/protocol/room-versions';
import { signingKeyIds } from '@myelin/protocol/signatures';

import type { RoomIdentity } from '../../rooms/index.ts';
import type { CheckedPdu } from '../receiving.ts';
import { askServers } from './ask-servers.ts';
import { candidates } from './candidates.ts';
import { checkJoinAnswer } from './check-join-answer.ts';
import { signTemplate, type SignedMembership, type WantedMembership } from './handshake.ts';
import { letIn, type NamedRoom, type RemoteMembershipTools } from './tools.ts';

const templateTimeoutMs = 20_000;
/** The answer holds the state of the whole room. */
const joinTimeoutMs = 120_000;
const mostAnswerBytes = 512 * 1024 * 1024;
/** Events go through the door in stretches, so that others are served in between. */
const atOnce = 500;

/**
 * Joins a user of ours to a room that this server is not in, through one of the servers that are: template, signed join, the room's
 * state, which is checked before anything of it is used.
 * https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
export async function joinThroughOthers(
  tools: RemoteMembershipTools,
  wanted: WantedMembership & { readonly via: readonly ServerName[] },
): Promise<RoomIdentity> {
  const servers = await candidates(tools, wanted);
  return askServers(tools, { servers, what: 'join' }, async (server) => {
    const signed = signTemplate(tools, wanted, await askTemplate(tools, server, wanted));
    return enterThrough(tools, server, wanted, signed);
  });
}

function askTemplate(tools: RemoteMembershipTools, server: ServerName, { roomId, user }: WantedMembership) {
  const ver = knownRoomVersions().map(({ id }) => id);
  const input = { params: { roomId, userId: user }, query: { ver } };
  return tools.servers.call(server, federation.makeJoin, input, { timeoutMs: templateTimeoutMs });
}

async function enterThrough(
  tools: RemoteMembershipTools,
  server: ServerName,
  { roomId }: WantedMembership,
  signed: SignedMembership,
): Promise<RoomIdentity> {
  const answer = await tools.servers.call(
    server,
    federation.sendJoinV2,
    { params: { roomId, eventId: signed.eventId }, query: { omit_members: false }, body: signed.pdu as never },
    { timeoutMs: joinTimeoutMs, maxBytes: mostAnswerBytes },
  );
  const room: NamedRoom = { roomId, rules: signed.rules };
  const joinEvent = await ourJoin(tools, room, signed, answer.event);
  const [stateEvents, authChain] = await letAllIn(tools, room, [answer.state, answer.auth_chain]);
  const accepted = checkJoinAnswer({ roomId, rules: signed.rules, joinEvent, stateEvents, authChain });
  return tools.entering.enterRoom({ roomId, rules: signed.rules, joinEvent, ...accepted, origin: server });
}

/** Our join as the room has it: with the signature of the server that lets the user in, where one must. */
async function ourJoin(
  tools: RemoteMembershipTools,
  room: NamedRoom,
  { pdu, eventId }: SignedMembership,
  returned: unknown,
): Promise<CheckedPdu> {
  const authoriser = readMember(pdu.content).joinAuthorisedVia;
  if (authoriser === undefined) return { eventId, pdu };
  if (!isJsonObject(returned)) throw new Error('the answer lacks the join with the signature of who lets the user in');
  const checked = await letIn(tools, room, returned as never);
  if (checked.eventId !== eventId) throw new Error('the answer has another join than ours');
  if (!isSignedFor(checked, authoriser)) throw new Error(`the join lacks the signature of ${domainOf(authoriser)}`);
  return checked;
}

function isSignedFor({ pdu }: CheckedPdu, user: UserId): boolean {
  return isUserId(user) && signingKeyIds(pdu, domainOf(user)).length > 0;
}

/** Those of the lists' events that pass the door; an event that is in several lists is looked at once. */
async function letAllIn(
  tools: RemoteMembershipTools,
  room: NamedRoom,
  lists: readonly (readonly unknown[])[],
): Promise<[CheckedPdu[], CheckedPdu[]]> {
  const passed: CheckedPdu[][] = [];
  let refused = 0;
  for (const list of lists) {
    const through: CheckedPdu[] = [];
    for (let at = 0; at < list.length; at += atOnce) {
      for (const verdict of await tools.entering.atTheDoor(room, list.slice(at, at + atOnce))) {
        if (verdict.ok) through.push({ eventId: verdict.eventId, pdu: verdict.pdu });
        else refused++;
      }
    }
    passed.push(through);
  }
  if (refused > 0) tools.logger.warn({ roomId: room.roomId, refused }, 'events of a room that is joined did not pass the door');
  return [passed[0] ?? [], passed[1] ?? []];
}
